import FoundationEssentials
import KeymeterDomain
package import Logging

/// Writes each log event as one line to standard error, as text or JSON.
package struct LineLogHandler: LogHandler {
  package enum Format: String, Sendable, CaseIterable {
    case json
    case text
  }

  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  private let label: String
  private let format: Format
  private let output: StandardStream

  package init(label: String, level: Logger.Level, format: Format, output: StandardStream = .error) {
    self.label = label
    logLevel = level
    self.format = format
    self.output = output
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var fields = metadata
    if let provided = metadataProvider?.get() { fields.merge(provided) { $1 } }
    if let given = event.metadata { fields.merge(given) { $1 } }
    // Drop Hummingbird's request id: responses and audit entries carry ours.
    fields["hb.request.id"] = nil
    let time = Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)).rfc3339
    switch format {
    case .text: output.write(line: text(event, fields, time))
    case .json: output.write(line: json(event, fields, time))
    }
  }

  private func text(_ event: LogEvent, _ fields: Logger.Metadata, _ time: String) -> String {
    let pairs = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted($0.value.description))" }
    return "\(time) \(event.level) \(event.message.description.showingInvisibles)\(pairs.joined())"
  }

  private func json(_ event: LogEvent, _ fields: Logger.Metadata, _ time: String) -> String {
    var object = fields.mapValues(\.description)
    object["time"] = time
    object["level"] = event.level.rawValue
    object["logger"] = label
    object["message"] = event.message.description
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // A dictionary of strings always encodes. The fallback loses no event if that is ever wrong.
    return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) }
      ?? text(event, fields, time)
  }

  /// Quotes a value unless it reads as a single word, so that nothing in it can end the quotes.
  static func quoted(_ value: String) -> String {
    let plain = value.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") }
    guard !plain || value.isEmpty else { return value }
    // Escape backslashes first, or a \" in the value would end the quotes.
    let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return "\"\(escaped.showingInvisibles)\""
  }
}

import Logging
import Synchronization

/// Records log lines for a test.
final class RecordedLog: Sendable {
  struct Line: Sendable {
    let level: Logger.Level
    let message: String
    let fields: [String: String]
  }

  private let recorded = Mutex<[Line]>([])
  private let level: Logger.Level

  init(_ level: Logger.Level) { self.level = level }

  var lines: [Line] { recorded.withLock { $0 } }

  /// The metadata of the request log's lines.
  var requests: [[String: String]] { lines.filter { $0.message == "request" }.map(\.fields) }

  var handler: any LogHandler { Handler(log: self, logLevel: level) }

  private struct Handler: LogHandler {
    let log: RecordedLog
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let fields = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues(\.description)
      let line = Line(level: event.level, message: event.message.description, fields: fields)
      log.recorded.withLock { $0.append(line) }
    }
  }
}

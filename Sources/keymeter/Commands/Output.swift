import FoundationEssentials
import KeymeterServer

/// A command's output: names and values in order.
///
/// Values come from the database and may contain control characters, so all formats but JSON escape what a
/// terminal would interpret.
typealias Output = [(name: String, value: String)]

extension Output {
  /// Prints one object, as JSON or as lines of name and value.
  func print(asJSON json: Bool) throws {
    guard !json else { return Swift.print(try jsonText(Dictionary(uniqueKeysWithValues: map { ($0, $1) }))) }
    let width = map(\.name.count).max() ?? 0
    for (name, value) in self {
      Swift.print("\(name.padding(to: width))  \(value.showingInvisibles)")
    }
  }
}

extension [Output] {
  /// Prints a list, as a JSON array or as a table with the given columns.
  func print(asJSON json: Bool, columns: [String]) throws {
    guard !json else {
      return Swift.print(try jsonText(map { Dictionary(uniqueKeysWithValues: $0.map { ($0, $1) }) }))
    }
    let rows =
      [columns]
      + map { row in columns.map { name in row.first { $0.name == name }?.value.showingInvisibles ?? "" } }
    let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    for row in rows {
      let cells = zip(row, widths).map { $0.padding(to: $1) }
      Swift.print(cells.joined(separator: "  ").trimmingTrailingSpaces)
    }
  }
}

/// JSON on one line, with terminal control characters escaped as `\u…`, which parsers read as the same text.
func jsonText(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self).escapingInvisiblesForJSON
}

extension String {
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }

  fileprivate var trimmingTrailingSpaces: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}

/// Comma-separated values as RFC 4180 has them.
public enum CSV {
  /// One record, with the line break (CRLF) that ends it.
  ///
  /// A cell is quoted if it holds a quotation mark, a comma or a line break. NULL is nothing at all, and an
  /// empty text two quotation marks, as PostgreSQL's `COPY` has it. Nothing is done about cells that a
  /// spreadsheet would take for a formula (`=…`): a prefix would change the data for every other reader.
  public static func record(_ cells: [String?]) -> String {
    cells.map { $0.map(field) ?? "" }.joined(separator: ",") + "\r\n"
  }

  /// Looks at scalars, not characters: `"` with a combining accent is one character, and yet ends a field.
  private static func field(_ text: String) -> String {
    guard text.isEmpty || text.unicodeScalars.contains(where: special.contains) else { return text }
    return "\"" + text.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
  }

  private static let special: Set<Unicode.Scalar> = ["\"", ",", "\r", "\n"]
}

/// Comma-separated values (RFC 4180).
public enum CSV {
  /// One record, including the CRLF at its end.
  ///
  /// Cells with a quotation mark, comma or line break are quoted. NULL is written as nothing and an empty
  /// text as two quotation marks, as in PostgreSQL's `COPY`. Cells that a spreadsheet would read as a formula
  /// (`=…`) are not changed, because a prefix would corrupt the data for all other readers.
  public static func record(_ cells: [String?]) -> String {
    cells.map { $0.map(field) ?? "" }.joined(separator: ",") + "\r\n"
  }

  /// Compares scalars, not characters: `"` with a combining accent is one character but still ends a field.
  private static func field(_ text: String) -> String {
    guard text.isEmpty || text.unicodeScalars.contains(where: special.contains) else { return text }
    return "\"" + text.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
  }

  private static let special: Set<Unicode.Scalar> = ["\"", ",", "\r", "\n"]
}

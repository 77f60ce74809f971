/// A file of `sql/`, embedded in the binary.
struct EmbeddedSQLFile: Sendable {
  /// The file name without its folder, such as `0001_create_organisations.sql`.
  let name: String
  let text: String
}

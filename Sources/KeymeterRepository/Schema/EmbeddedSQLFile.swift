/// One file of `sql/`, carried in the binary.
struct EmbeddedSQLFile: Sendable {
  /// The file's name without its folder, such as `0001_create_organisations.sql`.
  let name: String
  let text: String
}

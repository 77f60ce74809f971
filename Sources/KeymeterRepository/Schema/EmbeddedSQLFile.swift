/// A file of `sql/`, embedded in the binary.
struct EmbeddedSQLFile: Sendable {
  /// The file's name without its folder, such as `0001_create_roles_and_schemas.sql`.
  let name: String
  let text: String
}

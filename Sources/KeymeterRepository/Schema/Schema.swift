/// The schemas of a Keymeter database.
///
/// `sql/` writes the cell's name as `{cell}`, and the migrator fills it in. No statement joins the two
/// schemas, so that a cell can move to its own database.
package enum Schema {
  /// The schema of everything that belongs to an organisation.
  package static let cell = "keymeter"

  /// The schema of the deployment: the directory, the peppers and the migrator's ledgers.
  package static let home = "keymeter_home"

  /// The text of an SQL file with the cell's name filled in.
  static func fillingIn(_ sql: String) -> String { sql.replacing("{cell}", with: cell) }
}

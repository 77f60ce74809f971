/// The schemas of a Keymeter database.
///
/// `sql/` calls the cell `{cell}`; the migrator fills the name in. No statement joins the two schemas, so that a cell can
/// move to a database of its own.
package enum Schema {
  /// Everything that belongs to an organisation.
  package static let cell = "keymeter"

  /// What belongs to the deployment: the directory, the peppers and the ledgers of the migrator.
  package static let home = "keymeter_home"

  /// The text of a file of `sql/` with the cell's name filled in.
  static func fillingIn(_ sql: String) -> String { sql.replacing("{cell}", with: cell) }
}

import Postgres

/// A table of tenants' rows, and how row-level security holds for it.
public struct TenantTable: Sendable, Hashable {
  /// Without its schema.
  public let name: String
  /// What is wrong with it, in words; nil where nothing is.
  public let fault: String?

  init(_ row: Row) throws {
    name = try row.decode("name", as: String.self)
    let openings = try row.decode("openings", as: [String].self)
    fault =
      if try !row.decode("is_forced", as: Bool.self) {
        "row-level security is not forced"
      } else if !openings.isEmpty {
        "the policy \(openings.joined(separator: ", ")) opens it"
      } else if try !row.decode("has_owner", as: Bool.self) {
        "the owner's policy is missing"
      } else if try !row.decode("is_partition", as: Bool.self) && !row.decode("has_tenant", as: Bool.self) {
        // A partition is reached through its parent, by the parent's policies.
        "the tenant's policy is missing"
      } else {
        nil
      }
  }
}

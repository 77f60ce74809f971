import Postgres

/// A table of tenants' rows, and how row-level security holds for it.
struct TenantTable: Sendable, Hashable {
  /// Without its schema.
  let name: String
  /// What is wrong with it, in words; nil where nothing is.
  let fault: String?

  init(_ row: Row) throws {
    name = try row.decode("name", as: String.self)
    let policies = zip(
      try row.decode("policies", as: [String].self), try row.decode("definitions", as: [String].self))
    let names = policies.map(\.0)
    fault =
      if try !row.decode("is_enabled", as: Bool.self) {
        "row-level security is disabled"
      } else if let policy = policies.first(where: { TenantPolicy.definitions[$0.0] != $0.1 }) {
        Self.fault(ofPolicy: policy.0, policy.1)
      } else if try !row.decode("is_partition", as: Bool.self) && !names.contains(TenantPolicy.tenant) {
        // A partition is reached through its parent, by the parent's policies.
        "the tenant's policy is missing"
      } else {
        nil
      }
  }

  private static func fault(ofPolicy name: String, _ definition: String) -> String {
    guard TenantPolicy.definitions[name] == nil else {
      return "the policy \(name) is another than the migrations'"
    }
    return "the policy \(name) \(definition.hasPrefix("RESTRICTIVE") ? "narrows" : "opens") it"
  }
}

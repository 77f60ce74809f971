import KeymeterRepository
import KeymeterServer
import Postgres

/// Whether PostgreSQL has as many connections as this node may open.
struct ConnectionSlotsCheck: DatabaseCheck {
  let name = "connection-slots"

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    let wanted = database.settings.connectionsOfOneNode
    let need = "a node opens up to \(wanted)"
    guard database.pooling == .none else {
      return .ok("\(need); a pooler stands between, whose own limits count")
    }
    let names = ["max_connections", "superuser_reserved_connections", "reserved_connections"]
    let settings = try await database.inspection.settings(names)
    let facts = try await database.inspection.server()
    let numbers = names.map { settings[$0].flatMap { Int($0.value) } ?? 0 }
    let slots = min(
      numbers[0] - numbers[1] - numbers[2], facts.loginLimit ?? .max, facts.databaseLimit ?? .max)
    let found = "\(need), PostgreSQL has \(slots) for its login, \(facts.connections) are in use"
    if wanted > slots {
      return .fail(
        found, advice: "Raise max_connections (or the login's limit), or lower KEYMETER_DATABASE_CONNECTIONS")
    }
    guard wanted <= slots - facts.connections else {
      return .warn(
        found, advice: "Raise max_connections, or put PgBouncer between, before another node is started")
    }
    return .ok(found)
  }
}

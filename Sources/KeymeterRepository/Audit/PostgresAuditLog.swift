import FoundationEssentials
import KeymeterDomain
import Postgres

/// Reads the audit log in an open transaction that has set the tenant.
struct PostgresAuditLog {
  let connection: Connection

  func records(_ query: AuditQuery, of organisation: OrganisationID) async throws -> [AuditRecord] {
    try await connection.execute(
      AuditStatements.read,
      [
        .text(organisation.rawValue), .int8(query.before), .text(query.action?.rawValue),
        .text(query.target),
        .timestamptz(query.since.map { PostgresTimestamp(microsecondsSinceUnixEpoch: $0.microseconds) }),
        .int8(query.limit),
      ]
    ).rows.map(AuditRecord.init(row:))
  }
}

extension AuditRecord {
  fileprivate init(row: Row) throws {
    let principal = try row.decode("principal", as: String.self)
    let hint = try row.decode("principal_hint", as: String?.self)
    let changes = try JSONDecoder().decode(
      [String: StoredChange].self, from: Data(try row.decode("changes", as: String.self).utf8))
    self.init(
      id: try row.decode("audit_id", as: Int64.self), occurredAt: try row.timestamp("occurred_at"),
      principal: Principal(stored: principal, hint: hint),
      action: try row.decode("action", as: String.self), target: try row.decode("target", as: String.self),
      requestID: RequestID(rawValue: try row.decode("request_id", as: String.self)),
      // jsonb doesn't preserve order.
      changes: changes.sorted { $0.key < $1.key }.map { field, change in
        FieldChange(field, from: change.old?.value, to: change.new?.value)
      })
  }
}

extension Principal {
  /// Parses a principal in the format that `AuditRow` writes.
  fileprivate init(stored name: String, hint: String?) {
    self =
      switch name {
      case "cli": .commandLine
      case "github": .gitHub
      default: .key(KeyID(rawValue: name), hint: hint ?? "")
      }
  }
}

/// One entry of the column `changes`.
private struct StoredChange: Decodable {
  let old: StoredValue?
  let new: StoredValue?
}

private struct StoredValue: Decodable {
  let value: AuditValue

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let flag = try? container.decode(Bool.self) {
      value = .boolean(flag)
    } else if let number = try? container.decode(Int64.self) {
      value = .number(number)
    } else if let texts = try? container.decode([String].self) {
      value = .list(texts)
    } else {
      value = .text(try container.decode(String.self))
    }
  }
}

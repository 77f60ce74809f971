import FoundationEssentials
import KeymeterDomain
import Postgres

extension PostgresTenantTransaction {
  func append(_ entry: AuditEntry) async throws {
    _ = try await rows(AuditStatements.append, AuditRow(entry).parameters)
  }

  func auditRecords(_ query: AuditQuery) async throws -> [AuditRecord] {
    try await rows(
      AuditStatements.read,
      [
        tenantParameter(), .int8(query.before), .text(query.action?.rawValue), .text(query.target),
        .timestamptz(query.since.map { PostgresTimestamp($0) }), .int8(query.limit),
      ]
    ).map(AuditRecord.init(row:))
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

/// An audit entry in its stored form.
private struct AuditRow {
  private let entry: AuditEntry

  init(_ entry: AuditEntry) { self.entry = entry }

  var parameters: [Parameter] {
    get throws {
      let (principal, hint): (String, String?) =
        switch entry.principal {
        case .key(let id, let hint): (id.rawValue, hint)
        case .commandLine: ("cli", nil)
        case .gitHub: ("github", nil)
        }
      return [
        .text(entry.organisationID.rawValue), .text(principal), .text(hint), .text(entry.action.rawValue),
        .text(entry.target), .text(entry.requestID.rawValue), .jsonb(try changes),
      ]
    }
  }

  private var changes: String {
    get throws {
      let fields = entry.changes.map { ($0.field, Change(old: $0.old, new: $0.new)) }
      let json = try JSONEncoder().encode(Dictionary(uniqueKeysWithValues: fields))
      return String(decoding: json, as: UTF8.self)
    }
  }

  private struct Change: Encodable {
    let old: AuditValue?
    let new: AuditValue?

    enum CodingKeys: CodingKey {
      case old, new
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeIfPresent(old.map(EncodableAuditValue.init), forKey: .old)
      try container.encodeIfPresent(new.map(EncodableAuditValue.init), forKey: .new)
    }
  }

  private struct EncodableAuditValue: Encodable {
    let value: AuditValue

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch value {
      case .text(let text): try container.encode(text)
      case .number(let number): try container.encode(number)
      case .boolean(let flag): try container.encode(flag)
      case .list(let texts): try container.encode(texts)
      }
    }
  }
}

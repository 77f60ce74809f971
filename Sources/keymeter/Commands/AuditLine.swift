import KeymeterDomain

/// An audit entry for `--json`, in the format of `GET /api/v1/audit`.
struct AuditLine: Encodable {
  private let id: String
  private let occurredAt: String
  private let principal: [String: String]
  private let action: String
  private let target: String
  private let requestID: String
  private let changes: [String: Step]

  init(_ record: AuditRecord) {
    id = String(record.id)
    occurredAt = record.occurredAt.rfc3339
    principal =
      switch record.principal {
      case .key(let id, let hint): ["type": "key", "key_id": id.rawValue, "key_hint": hint]
      case .commandLine: ["type": "cli"]
      case .gitHub: ["type": "github"]
      }
    action = record.action
    target = record.target
    requestID = record.requestID.rawValue
    changes = Dictionary(
      record.changes.map { ($0.field, Step(old: Value($0.old), new: Value($0.new))) }
    ) { first, _ in first }
  }

  private enum CodingKeys: String, CodingKey {
    case id, principal, action, target, changes
    case occurredAt = "occurred_at"
    case requestID = "request_id"
  }

  private struct Step: Encodable {
    let old: Value
    let new: Value
  }

  private struct Value: Encodable {
    private let value: AuditValue?

    init(_ value: AuditValue?) { self.value = value }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch value {
      case .text(let text): try container.encode(text)
      case .number(let number): try container.encode(number)
      case .boolean(let flag): try container.encode(flag)
      case .list(let texts): try container.encode(texts)
      case nil: try container.encodeNil()
      }
    }
  }
}

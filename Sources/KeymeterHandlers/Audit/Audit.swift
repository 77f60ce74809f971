import Hummingbird
import KeymeterDomain

/// `GET /api/v1/audit`: the audit log of a root key's organisation, newest first.
struct Audit: Sendable {
  let usage: UsageService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let page = try await usage.auditPage({ try Self.query(of: request) }, by: context.call())
    return .json { object in
      object.array("data") { data in
        for record in page.records { data.object { $0.audit(record) } }
      }
      object.object("pagination") { pagination in
        pagination.member("limit", page.limit)
        pagination.member("next_cursor", page.next.map(String.init))
      }
    }
  }

  private static func query(of request: Request) throws -> AuditQuery {
    let parameters = try QueryParameters(of: request)
    try parameters.allow(["action", "target", "since", "limit", "cursor"])
    return AuditQuery(
      before: try parameters.value("cursor", cursor, "must be the next_cursor of a page"),
      action: try parameters.value(
        "action", AuditAction.init(rawValue:),
        "must be one of \(AuditAction.allCases.map(\.rawValue).joined(separator: ", "))"),
      target: try parameters.value("target", target, "must be the id of a key or an organisation"),
      since: try parameters.value(
        "since", Timestamp.init(rfc3339:),
        "must be an RFC 3339 date and time with a zone, with + encoded as %2B"),
      limit: try parameters.value(
        "limit", limit,
        "must be a whole number from \(AuditQuery.limits.lowerBound) to \(AuditQuery.limits.upperBound)")
        ?? AuditQuery.defaultLimit)
  }

  private static func cursor(_ text: String) -> Int64? { Int64(digits: text).flatMap { $0 > 0 ? $0 : nil } }

  private static func limit(_ text: String) -> Int64? {
    Int64(digits: text).flatMap { AuditQuery.limits.contains($0) ? $0 : nil }
  }

  /// Accepts any text that could be an id.
  ///
  /// An unknown one matches nothing.
  private static func target(_ text: String) -> String? {
    let id = !text.isEmpty && text.utf8.count <= 64 && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    return id ? text : nil
  }
}

extension QueryParameters {
  /// A parameter's value, or `nil` if it is absent.
  ///
  /// - Throws: `RequestRejection.invalidQuery` with `rule` if `read` returns `nil`.
  fileprivate func value<Value>(
    _ name: String, _ read: (String) -> Value?, _ rule: String
  ) throws(RequestRejection) -> Value? {
    guard let text = try single(name) else { return nil }
    guard let value = read(text) else {
      throw .invalidQuery([FieldViolation(field: name, message: rule)])
    }
    return value
  }
}

extension JSONObjectWriter {
  /// Writes one audit entry.
  fileprivate mutating func audit(_ record: AuditRecord) {
    member("id", String(record.id))
    member("occurred_at", record.occurredAt.rfc3339)
    object("principal") { principal in
      switch record.principal {
      case .key(let id, let hint):
        principal.member("type", "key")
        principal.member("key_id", id.rawValue)
        principal.member("key_hint", hint)
      case .commandLine: principal.member("type", "cli")
      case .gitHub: principal.member("type", "github")
      }
    }
    member("action", record.action)
    member("target", record.target)
    member("request_id", record.requestID.rawValue)
    object("changes") { changes in
      for change in record.changes {
        changes.object(named: change.field) { step in
          step.member("old", change.old)
          step.member("new", change.new)
        }
      }
    }
  }
}

extension AuditValue: JSONWritable {
  func write(to writer: inout JSONWriter) {
    switch self {
    case .text(let text): text.write(to: &writer)
    case .number(let number): number.write(to: &writer)
    case .boolean(let flag): flag.write(to: &writer)
    case .list(let texts): texts.write(to: &writer)
    }
  }
}

import ArgumentParser
import KeymeterDomain
import KeymeterRepository
import KeymeterServer

/// `keymeter audit`: prints an organisation's audit log.
struct Audit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print an organisation's audit log, newest first.",
    discussion: "To read the log of a deleted organisation, give its internal id, org_….")

  @Option(help: "The organisation's public or internal id.")
  var org: String

  @Option(help: "Only changes since this time (RFC 3339). Default: all.")
  var since: String?

  @Flag(help: "Print a JSON array.")
  var json = false

  @OptionGroup var database: DatabaseOptions

  private static let columns = [
    "occurred_at", "principal", "key_hint", "action", "target", "request_id", "changes",
  ]

  func run() async throws {
    try await CommandFailure.reporting {
      let name = try ProviderID(validating: org)
      let query = AuditQuery(since: try moment, limit: AuditQuery.limits.upperBound)
      let records = try await database.withOrganisations(as: .app) {
        try await Self.all(query, of: name, from: $0)
      }
      if json {
        print(try jsonText(records.map(AuditLine.init)))
      } else {
        try records.map(\.output).print(asJSON: false, columns: Self.columns)
      }
    }
  }

  private var moment: Timestamp? {
    get throws {
      guard let since else { return nil }
      guard let moment = Timestamp(rfc3339: since) else {
        throw ValidationFailure(
          field: "since", "must be an RFC 3339 date and time with a zone, such as 2026-01-31T00:00:00Z")
      }
      return moment
    }
  }

  private static func all(
    _ query: AuditQuery, of name: ProviderID, from organisations: OrganisationService
  ) async throws -> [AuditRecord] {
    var records: [AuditRecord] = []
    var query = query
    while true {
      let page = try await organisations.audit(name, query)
      records += page.records
      guard let next = page.next else { return records }
      query = query.continuing(before: next)
    }
  }
}

extension AuditRecord {
  fileprivate var output: Output {
    let (principal, hint) =
      switch self.principal {
      case .key(let id, let hint): (id.rawValue, hint)
      case .commandLine: ("cli", "")
      case .gitHub: ("github", "")
      }
    return [
      ("occurred_at", occurredAt.rfc3339), ("principal", principal), ("key_hint", hint),
      ("action", action), ("target", target), ("request_id", requestID.rawValue),
      ("changes", changes.map(\.line).joined(separator: ", ")),
    ]
  }
}

extension FieldChange {
  /// `field: old -> new` on one line, with control characters escaped.
  fileprivate var line: String { "\(field): \(Self.text(old)) -> \(Self.text(new))" }

  private static func text(_ value: AuditValue?) -> String {
    switch value {
    case .text(let text): text.debugDescription
    case .number(let number): String(number)
    case .boolean(let flag): String(flag)
    case .list(let texts): texts.description
    case nil: "null"
    }
  }
}

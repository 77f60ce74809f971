/// One line of the log as a store gives it back.
public struct AuditRecord: Sendable, Hashable {
  /// Its running number; numbers of one organisation grow with time, and have gaps.
  public let id: Int64
  /// When the change was made.
  public let occurredAt: Timestamp
  /// Who made it.
  public let principal: Principal
  /// What was done, in the log's own word: a newer node may know more than `AuditAction`.
  public let action: String
  /// The id of the key or organisation it was done to.
  public let target: String
  /// The request that asked for it.
  public let requestID: RequestID
  /// What changed, by the fields' names.
  public let changes: [FieldChange]

  /// A line as a store read it.
  public init(
    id: Int64, occurredAt: Timestamp, principal: Principal, action: String, target: String,
    requestID: RequestID, changes: [FieldChange]
  ) {
    self.id = id
    self.occurredAt = occurredAt
    self.principal = principal
    self.action = action
    self.target = target
    self.requestID = requestID
    self.changes = changes
  }
}

/// Which lines of the log are asked for; what is left out restricts nothing.
public struct AuditQuery: Sendable, Hashable {
  /// How many lines a page may have.
  public static let limits: ClosedRange<Int64> = 1...200
  /// How many lines a page has where nothing is asked.
  public static let defaultLimit: Int64 = 50

  /// Only lines with smaller numbers: those that come after a page which ended with this one.
  public let before: Int64?
  /// Only this kind of change.
  public let action: AuditAction?
  /// Only changes of the key or organisation with this id.
  public let target: String?
  /// Only changes at this moment or later.
  public let since: Timestamp?
  /// The most lines to be given.
  public let limit: Int64

  /// A question to the log.
  public init(
    before: Int64? = nil, action: AuditAction? = nil, target: String? = nil, since: Timestamp? = nil,
    limit: Int64 = AuditQuery.defaultLimit
  ) {
    self.before = before
    self.action = action
    self.target = target
    self.since = since
    self.limit = limit
  }

  /// The same question about what comes after a line.
  public func continuing(before id: Int64) -> AuditQuery {
    AuditQuery(before: id, action: action, target: target, since: since, limit: limit)
  }

  /// The same question with room for one more line, which tells whether there are more.
  fileprivate var withOneMore: AuditQuery {
    AuditQuery(before: before, action: action, target: target, since: since, limit: limit + 1)
  }
}

/// Some lines of the log, newest first.
public struct AuditPage: Sendable, Hashable {
  /// The lines.
  public let records: [AuditRecord]
  /// What `AuditQuery.before` takes for the next page; `nil` where there is none.
  public let next: Int64?
}

/// A transaction that can read the log.
public protocol AuditReading: Sendable {
  /// Lines of one organisation's log, newest first.
  ///
  /// A line never comes into sight behind one with a larger number. So what is appended while somebody goes from page
  /// to page is in none of the pages that follow, and nobody who comes back later misses a line.
  func auditRecords(_ query: AuditQuery, of organisation: OrganisationID) async throws -> [AuditRecord]
}

extension AuditReading {
  func auditPage(_ query: AuditQuery, of organisation: OrganisationID) async throws -> AuditPage {
    let records = try await auditRecords(query.withOneMore, of: organisation)
    let page = Array(records.prefix(Int(query.limit)))
    return AuditPage(records: page, next: records.count > page.count ? page.last?.id : nil)
  }
}

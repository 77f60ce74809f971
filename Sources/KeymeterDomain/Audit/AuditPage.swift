/// An audit entry as read from the store.
public struct AuditRecord: Sendable, Hashable {
  /// The sequence number.
  ///
  /// Within an organisation, numbers increase with time and have gaps.
  public let id: Int64
  /// When the change was made.
  public let occurredAt: Timestamp
  /// The actor.
  public let principal: Principal
  /// The action as stored.
  ///
  /// A newer node may write actions that `AuditAction` doesn't know.
  public let action: String
  /// The id of the key or organisation that was changed.
  public let target: String
  /// The request that made the change.
  public let requestID: RequestID
  /// The changed fields, by name.
  public let changes: [FieldChange]

  /// Creates a record from a stored row.
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

/// A query for audit entries.
///
/// Omitted parameters don't filter.
public struct AuditQuery: Sendable, Hashable {
  /// The allowed page sizes.
  public static let limits: ClosedRange<Int64> = 1...200
  /// The default page size.
  public static let defaultLimit: Int64 = 50

  /// Only entries with smaller numbers, so the page after the one that ended with this number.
  public let before: Int64?
  /// Only this action.
  public let action: AuditAction?
  /// Only changes of the key or organisation with this id.
  public let target: String?
  /// Only changes at or after this time.
  public let since: Timestamp?
  /// The page size.
  public let limit: Int64

  /// Creates a query.
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

  /// The same query for the entries after `id`.
  public func continuing(before id: Int64) -> AuditQuery {
    AuditQuery(before: id, action: action, target: target, since: since, limit: limit)
  }

  /// The same query for one more entry, to detect whether there is another page.
  fileprivate var withOneMore: AuditQuery {
    AuditQuery(before: before, action: action, target: target, since: since, limit: limit + 1)
  }
}

/// One page of the log, newest first.
public struct AuditPage: Sendable, Hashable {
  /// The entries.
  public let records: [AuditRecord]
  /// The maximum number of entries on the page.
  public let limit: Int64
  /// The value of `AuditQuery.before` for the next page, or nil on the last page.
  public let next: Int64?
}

extension TenantTransaction {
  func auditPage(_ query: AuditQuery) async throws -> AuditPage {
    let records = try await auditRecords(query.withOneMore)
    let page = Array(records.prefix(Int(query.limit)))
    return AuditPage(
      records: page, limit: query.limit, next: records.count > page.count ? page.last?.id : nil)
  }
}

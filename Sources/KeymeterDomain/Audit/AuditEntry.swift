/// Who makes a change (contract §6).
public enum Principal: Sendable, Hashable {
  /// A key, by its id and hint.
  case key(KeyID, hint: String)
  /// Somebody at the command line, who holds the database's credentials.
  case commandLine
  /// GitHub's secret scanning, which found a key in public.
  case gitHub
}

/// A kind of change, as the audit log names it.
public enum AuditAction: String, Sendable, CaseIterable {
  case organisationCreated = "organisation.created"
  case organisationRenamed = "organisation.renamed"
  case organisationDeleted = "organisation.deleted"
  case keyCreated = "key.created"
  case keyUpdated = "key.updated"
  case keyRotated = "key.rotated"
  case keyRevoked = "key.revoked"
  case keyDeleted = "key.deleted"
  /// A value that a rotation had replaced was found in public; nothing of the key changed.
  case keyLeakReported = "key.leak_reported"
}

/// A field's value before or after a change; never a secret.
public enum AuditValue: Sendable, Hashable {
  case text(String)
  case number(Int64)
  case boolean(Bool)
  case list([String])

  static func number(_ value: Int64?) -> AuditValue? { value.map(AuditValue.number) }
  static func time(_ value: Timestamp?) -> AuditValue? { value.map { .text($0.rfc3339) } }
}

/// One field that a change made, altered or removed.
public struct FieldChange: Sendable, Hashable {
  /// The field's name in the Scrubs dialect.
  public let field: String
  /// What it was; `nil` for a field that was not set.
  public let old: AuditValue?
  /// What it is now; `nil` for a field that is not set any more.
  public let new: AuditValue?

  /// A field's step from `old` to `new`.
  public init(_ field: String, from old: AuditValue?, to new: AuditValue?) {
    self.field = field
    self.old = old
    self.new = new
  }
}

/// One line of the append-only log: who did what to which target, for which request.
///
/// The time and the running number are the store's.
public struct AuditEntry: Sendable, Hashable {
  /// The tenant in whose log it stands.
  public let organisationID: OrganisationID
  /// Who did it.
  public let principal: Principal
  /// What was done.
  public let action: AuditAction
  /// The id of the key or organisation it was done to.
  public let target: String
  /// The request that asked for it.
  public let requestID: RequestID
  /// What changed, in a fixed order.
  public let changes: [FieldChange]

  /// A line of the log.
  public init(
    organisationID: OrganisationID, principal: Principal, action: AuditAction, target: String,
    requestID: RequestID, changes: [FieldChange]
  ) {
    self.organisationID = organisationID
    self.principal = principal
    self.action = action
    self.target = target
    self.requestID = requestID
    self.changes = changes
  }
}

/// The actor who makes a change (contract §6).
public enum Principal: Sendable, Hashable {
  /// A key, by its id and hint.
  case key(KeyID, hint: String)
  /// An operator at the command line, who has the database's credentials.
  case commandLine
  /// GitHub's secret scanning, which found a published key.
  case gitHub
}

/// An action, as named in the audit log.
public enum AuditAction: String, Sendable, CaseIterable {
  case organisationCreated = "organisation.created"
  case organisationRenamed = "organisation.renamed"
  case organisationDeleted = "organisation.deleted"
  case keyCreated = "key.created"
  case keyUpdated = "key.updated"
  case keyRotated = "key.rotated"
  case keyRevoked = "key.revoked"
  case keyDeleted = "key.deleted"
  /// A secret replaced by a rotation was found in public. The key itself is unchanged.
  case keyLeakReported = "key.leak_reported"
}

/// A field's value before or after a change.
///
/// Never a secret.
public enum AuditValue: Sendable, Hashable {
  case text(String)
  case number(Int64)
  case boolean(Bool)
  case list([String])

  static func number(_ value: Int64?) -> AuditValue? { value.map(AuditValue.number) }
  static func time(_ value: Timestamp?) -> AuditValue? { value.map { .text($0.rfc3339) } }
}

/// A change to one field.
public struct FieldChange: Sendable, Hashable {
  /// The field's name in the Scrubs dialect.
  public let field: String
  /// The old value, or nil if the field was not set.
  public let old: AuditValue?
  /// The new value, or nil if the field is no longer set.
  public let new: AuditValue?

  /// Creates a change from `old` to `new`.
  public init(_ field: String, from old: AuditValue?, to new: AuditValue?) {
    self.field = field
    self.old = old
    self.new = new
  }
}

/// An entry of the append-only audit log: who did what to which target, in which request.
///
/// The store adds the time and the sequence number.
public struct AuditEntry: Sendable, Hashable {
  /// The tenant whose log it belongs to.
  public let organisationID: OrganisationID
  /// The actor.
  public let principal: Principal
  /// The action.
  public let action: AuditAction
  /// The id of the key or organisation that was changed.
  public let target: String
  /// The request that made the change.
  public let requestID: RequestID
  /// The changed fields, in a fixed order.
  public let changes: [FieldChange]

  /// Creates an entry.
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

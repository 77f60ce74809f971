/// A way in which one key exceeds another's permissions.
public enum EscalationViolation: Sendable, Hashable {
  /// It belongs to another environment.
  case environment
  /// It holds a scope that the other key lacks.
  case scope(Scope)
  /// Its monthly limit for this dimension is higher.
  case limit(Dimension)
  /// It expires later.
  case expiry
  /// It may be used from more addresses.
  case addresses
}

/// Everything that a key may grant to another: what it may do, from where and for how long.
struct KeyPermissions: Sendable {
  let environment: KeyEnvironment
  let scopes: [Scope]
  let limits: MonthlyLimits
  let expiresAt: Timestamp?
  let allowedAddresses: AddressList?

  init(of key: APIKey) {
    environment = key.environment
    scopes = key.scopes
    limits = key.limits
    expiresAt = key.expiresAt
    allowedAddresses = key.allowedAddresses
  }

  init(asked draft: KeyDraft) {
    environment = draft.environment
    scopes = draft.scopes
    limits = draft.limits
    expiresAt = draft.expiresAt
    allowedAddresses = draft.allowedAddresses
  }

  /// How `other` exceeds these permissions, in the order of a request's members.
  ///
  /// Empty if it doesn't.
  ///
  /// No limit, no expiry and no address list each mean unrestricted. Environments are unrelated: each exceeds
  /// every other.
  func excesses(of other: KeyPermissions) -> [EscalationViolation] {
    var excesses: [EscalationViolation] = other.environment == environment ? [] : [.environment]
    for scope in other.scopes where !scopes.contains(where: { $0.covers(scope) }) {
      excesses.append(.scope(scope))
    }
    if Self.exceeds(other.expiresAt, expiresAt) { excesses.append(.expiry) }
    for dimension in Dimension.allCases where Self.exceeds(other.limits[dimension], limits[dimension]) {
      excesses.append(.limit(dimension))
    }
    if let allowedAddresses, other.allowedAddresses.map({ !allowedAddresses.covers($0) }) ?? true {
      excesses.append(.addresses)
    }
    return excesses
  }

  private static func exceeds<Bound: Comparable>(_ asked: Bound?, _ own: Bound?) -> Bool {
    guard let own else { return false }
    guard let asked else { return true }
    return asked > own
  }
}

extension Caller {
  /// Rejects a draft that exceeds the caller's own permissions.
  ///
  /// A root key may create any key.
  ///
  /// - Throws: `Rejection.beyondOwnAuthority`.
  func requireAuthority(toIssue draft: KeyDraft) throws(Rejection) {
    try requireAuthority(over: KeyPermissions(asked: draft))
  }

  /// Rejects managing a key that the caller could not have created.
  ///
  /// Otherwise, rotating such a key would give the caller permissions that it never had. A root key may
  /// manage any key.
  ///
  /// - Throws: `Rejection.rootKeyProtected`, `Rejection.beyondOwnAuthority`.
  func requireAuthority(over target: APIKey) throws(Rejection) {
    guard key.root || !target.root else { throw .rootKeyProtected }
    try requireAuthority(over: KeyPermissions(of: target))
  }

  private func requireAuthority(over other: KeyPermissions) throws(Rejection) {
    let excesses = key.root ? [] : KeyPermissions(of: key).excesses(of: other)
    guard excesses.isEmpty else { throw .beyondOwnAuthority(excesses) }
  }
}

/// A respect in which one key goes beyond another.
public enum EscalationViolation: Sendable, Hashable {
  /// It is of another environment.
  case environment
  /// It holds this scope, which the other doesn't.
  case scope(Scope)
  /// It may use more of this dimension a month.
  case limit(Dimension)
  /// It lives longer.
  case expiry
  /// It may be used from further addresses.
  case addresses
}

/// What a key may do, where and for how long: all that one key must not give another beyond its own.
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

  /// Wherein `other` goes beyond this, in the order of the members of a request; nothing where it doesn't.
  ///
  /// A limit or an expiry that is not set is the highest there is, and no list of addresses is all of them.
  /// Environments stand beside one another: each goes beyond every other.
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
  /// Refuses a key that would go beyond the one that asks for it; a root key may issue any.
  ///
  /// - Throws: `Rejection.beyondOwnAuthority`.
  func requireAuthority(toIssue draft: KeyDraft) throws(Rejection) {
    try requireAuthority(over: KeyPermissions(asked: draft))
  }

  /// Refuses to manage a key that this one could not have issued.
  ///
  /// A new value of such a key would be an authority that its receiver never had. A root key may manage any.
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

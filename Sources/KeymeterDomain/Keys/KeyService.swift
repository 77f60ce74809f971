/// Key management over the wire (contract §3 and §4): the rules that both dialects share.
///
/// Each call is one transaction, which first authenticates the caller. The body or query comes as a closure that runs
/// afterwards, so only an authorised caller learns what is wrong with its request.
public struct KeyService: Sendable {
  let store: any TenantStore
  let peppers: PepperSet
  let issuer: KeyIssuer

  /// Creates a service over `store`.
  public init(store: any TenantStore, peppers: PepperSet, random: RandomSource = .system) {
    self.store = store
    self.peppers = peppers
    issuer = KeyIssuer(peppers: peppers, random: random)
  }

  /// The caller's own key.
  ///
  /// - Parameter query: Checks the query. It throws only to an authenticated caller.
  /// - Throws: `Rejection`, `StoreError`, and what `query` throws.
  public func ownKey(
    _ call: APICall, checking query: @Sendable () throws -> Void = {}
  ) async throws -> APIKey {
    try await store.withTransaction { transaction in
      let key = try await authenticate(call, in: transaction, markUsed: true).key
      try query()
      return key
    }
  }

  /// The page size of `allKeys`.
  ///
  /// A key with a hundred scopes of 128 characters takes 14 KB of JSON, and several times that in memory.
  public static let longestPage = 250

  /// A page of all keys of the caller's organisation, oldest first.
  ///
  /// Only root keys may list them.
  ///
  /// Each page is a transaction that authenticates again. A key that exists throughout the listing is on exactly one page.
  ///
  /// - Throws: `Rejection`, `StoreError`.
  public func allKeys(
    _ call: APICall, after position: KeyPosition? = nil, atMost limit: Int = KeyService.longestPage
  ) async throws -> KeyPage {
    try await store.withTransaction { transaction in
      try await authenticate(call, in: transaction, markUsed: true).requireRoot(.rootKeyRequiredToList)
      return try await Self.page(KeyListing(after: position, limit: limit), in: transaction)
    }
  }

  /// One page of the keys of the caller's organisation, for a root key or one with the scope `apikeys:read`.
  ///
  /// A key that exists throughout the listing is on exactly one page, even if other keys are created or
  /// deleted.
  ///
  /// - Throws: `Rejection`, `StoreError`, and what `listing` throws.
  public func page(_ listing: @Sendable () throws -> KeyListing, by call: APICall) async throws -> KeyPage {
    try await store.withTransaction { transaction in
      try await authenticate(call, in: transaction, markUsed: true)
        .requireManager(under: .rootKeysAndScopes, needing: .readKeys)
      return try await Self.page(listing(), in: transaction)
    }
  }

  private static func page(
    _ listing: KeyListing, in transaction: any TenantTransaction
  ) async throws -> KeyPage {
    // One more than the page holds, to see whether another page follows.
    let found = try await transaction.keys(listing.filter, after: listing.after, limit: listing.limit + 1)
    let keys = Array(found.prefix(listing.limit))
    let next = found.count > keys.count ? keys.last?.position : nil
    return KeyPage(keys: keys, limit: listing.limit, next: next)
  }
}

extension KeyService {
  /// Runs `body` for a caller that may manage keys.
  ///
  /// Nothing is locked yet, so an unauthorised caller can't make others wait. `withLockedKey` authenticates again.
  func withManager<Output: Sendable>(
    _ call: APICall, under rule: ManagementRule,
    _ body: @Sendable (any TenantTransaction, Caller) async throws -> Output
  ) async throws -> Output {
    try await store.withTransaction { transaction in
      let caller = try await authenticate(call, in: transaction)
      try caller.requireManager(under: rule, needing: .writeKeys)
      return try await body(transaction, caller)
    }
  }

  /// Runs `body` for a caller that may manage keys, and whose key can't be revoked before the transaction ends.
  func withManagerLocked<Output: Sendable>(
    _ call: APICall, under rule: ManagementRule,
    _ body: @Sendable (any TenantTransaction, Caller) async throws -> Output
  ) async throws -> Output {
    try await store.withTransaction { transaction in
      let caller = try await authenticate(call, in: transaction, lock: .shared, markUsed: true)
      try caller.requireManager(under: rule, needing: .writeKeys)
      return try await body(transaction, caller)
    }
  }

  /// Changes or ends a key while no other transaction can change or end it or the caller's key.
  func withLockedKey<Output>(
    _ id: KeyID, for call: APICall, under rule: ManagementRule, in transaction: any TenantTransaction,
    _ body: (Caller, APIKey) async throws -> Output
  ) async throws -> Output {
    try await transaction.lockKey(id)
    let caller = try await authenticate(call, in: transaction, lock: .shared, markUsed: true)
    try caller.requireManager(under: rule, needing: .writeKeys)
    guard let target = try await transaction.keyForUpdate(id) else { throw Rejection.keyNotFound }
    try caller.requireAuthority(over: target)
    return try await body(caller, target)
  }

  /// Authenticates a call.
  ///
  /// Key management does not reveal why a key is not active (contract §3).
  ///
  /// - Throws: `Rejection.unknownProvider`, `Rejection.notAuthentic`, `Rejection.addressNotAllowed`.
  private func authenticate(
    _ call: APICall, in transaction: any TenantTransaction, lock: RowLock = .none, markUsed: Bool = false
  ) async throws -> Caller {
    do {
      return try await transaction.authenticate(call, peppers: peppers, lock: lock, markUsed: markUsed)
    } catch let error as AdmissionRejectedError {
      switch error.rejection {
      case .unknownProvider: throw Rejection.unknownProvider
      case .addressNotAllowed: throw Rejection.addressNotAllowed
      default: throw Rejection.notAuthentic
      }
    }
  }
}

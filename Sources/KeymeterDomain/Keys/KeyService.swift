/// What a key may do with keys over the wire (contract §3 and §4): the rules, whichever the dialect.
///
/// Every call is one transaction that begins by authenticating its caller. Where a call takes a body or a
/// query, it takes it as a `Result`: what is wrong with it is said only to a caller that is allowed to ask.
public struct KeyService: Sendable {
  let store: any ManagementStore
  let peppers: PepperSet
  let issuer: KeyIssuer

  /// A service over `store`.
  public init(store: any ManagementStore, peppers: PepperSet, random: RandomSource = .system) {
    self.store = store
    self.peppers = peppers
    issuer = KeyIssuer(peppers: peppers, random: random)
  }

  /// The caller's own key.
  ///
  /// - Throws: `Rejection`, `StoreError`.
  public func ownKey(_ credentials: Credentials, requestID: RequestID) async throws -> APIKey {
    try await store.withTransaction { transaction in
      try await transaction.authenticate(credentials, peppers: peppers, requestID: requestID, lock: .none).key
    }
  }

  /// How many keys are read at once where all of them are listed.
  ///
  /// One can have a hundred scopes of 128 characters, and so take 14 KB as it is written and several times that as it is read.
  public static let longestPage = 250

  /// Some of all keys of the caller's organisation, for a root key: from behind a place on, oldest first.
  ///
  /// Page by page it is a listing of them all. Each is a transaction of its own, and authenticates anew; a key that is
  /// there from the first to the last stands on exactly one of them.
  ///
  /// - Throws: `Rejection`, `StoreError`.
  public func allKeys(
    _ credentials: Credentials, after place: KeyPosition? = nil, atMost limit: Int = KeyService.longestPage,
    requestID: RequestID
  ) async throws -> KeyPage {
    try await store.withTransaction { transaction in
      let caller = try await transaction.authenticate(
        credentials, peppers: peppers, requestID: requestID, lock: .none)
      _ = try caller.asRoot(.rootKeyRequiredToList)
      return try await Self.page(KeyListing(after: place, limit: limit), in: transaction)
    }
  }

  /// One page of the keys of the caller's organisation, for a root key or one with the scope `apikeys:read`.
  ///
  /// A key that is there from the first page to the last stands on exactly one of them, whatever is made and
  /// deleted meanwhile.
  ///
  /// - Throws: `Rejection`, `StoreError`, and the failure in `listing`.
  public func page(
    _ listing: Result<KeyListing, any Error>, by credentials: Credentials, requestID: RequestID
  ) async throws -> KeyPage {
    try await store.withTransaction { transaction in
      let caller = try await transaction.authenticate(
        credentials, peppers: peppers, requestID: requestID, lock: .none)
      _ = try caller.asManager(under: .rootKeysAndScopes, needing: .readKeys)
      return try await Self.page(listing.get(), in: transaction)
    }
  }

  private static func page(
    _ listing: KeyListing, in transaction: any ManagementTransaction
  ) async throws -> KeyPage {
    // One more than asked for, which tells whether there is another page.
    let found = try await transaction.keys(listing.filter, after: listing.after, limit: listing.limit + 1)
    let keys = Array(found.prefix(listing.limit))
    let next = found.count > keys.count ? keys.last?.position : nil
    return KeyPage(keys: keys, limit: listing.limit, next: next)
  }

  /// Authenticates a caller whose question makes no sense, so that it learns so only if it may ask.
  ///
  /// - Throws: `Rejection`, `StoreError`, and `failure` to an authentic caller.
  public func refuse(
    _ failure: some Error, to credentials: Credentials, requestID: RequestID
  ) async throws -> Never {
    _ = try await ownKey(credentials, requestID: requestID)
    throw failure
  }

  /// Issues a child key.
  ///
  /// - Parameter rule: who may; a key that is not a root key issues none that goes beyond itself.
  /// - Throws: `Rejection`, `StoreError`, `ValidationFailure`, and the failure in `draft`.
  public func create(
    _ draft: Result<KeyDraft, any Error>, by credentials: Credentials, requestID: RequestID,
    under rule: ManagementRule = .rootKeysOnly
  ) async throws -> IssuedKey {
    let drawn = draft.map { issuer.draw($0, root: false) }
    return try await changing(by: credentials, requestID: requestID, under: rule) { transaction, caller in
      try await issue(drawn.get(), by: caller, in: transaction)
    }
  }

  /// Issues a child key: once, however often a request of the caller's naming is sent.
  ///
  /// - Parameters:
  ///   - answer: makes the answer that a repetition is given again.
  ///   - rule: who may; a key that is not a root key issues none that goes beyond itself.
  /// - Throws: `Rejection`, `StoreError`, `ValidationFailure`, `IdempotencyRejection`, and the failure in `draft`.
  public func create(
    _ draft: Result<KeyDraft, any Error>, by credentials: Credentials, requestID: RequestID,
    under rule: ManagementRule = .rootKeysOnly, repeatable: IdempotentRequest?,
    answer: @Sendable (IssuedKey) throws -> StoredResponse
  ) async throws -> StoredResponse {
    let drawn = draft.map { issuer.draw($0, root: false) }
    return try await changing(by: credentials, requestID: requestID, under: rule) { transaction, caller in
      let drawn = try drawn.get()
      return try await transaction.once(
        repeatable, by: caller.key.id, of: caller.key.organisationID, answer: answer
      ) {
        try await issue(drawn, by: caller, in: transaction)
      }
    }
  }

  private func issue(
    _ drawn: KeyIssuer.GeneratedKey, by caller: Caller, in transaction: any ManagementTransaction
  ) async throws -> IssuedKey {
    try caller.requireAuthority(toIssue: drawn.key.draft)
    return try await issuer.write(drawn, in: transaction) { key, changes in
      caller.entry(.keyCreated, target: key.id, changes: changes)
    }
  }

  /// Changes the name, the limits or the addresses of the caller's own key or of a child key.
  ///
  /// - Returns: the key after the change; where nothing differs, nothing is written.
  /// - Throws: `Rejection`, `StoreError`, the failure in `update`, and `ValidationFailure` for a root key that would no
  ///   longer be allowed from where it is.
  public func update(
    _ update: Result<KeyUpdate, any Error>, by credentials: Credentials, requestID: RequestID
  ) async throws -> APIKey {
    try await asking(by: credentials, requestID: requestID, under: .rootKeysOnly) { transaction, _ in
      let update = try update.get()
      return try await holding(
        update.id, by: credentials, requestID: requestID, under: .rootKeysOnly, in: transaction
      ) { caller, old in
        guard !old.root || old.id == caller.key.id else { throw Rejection.otherRootKey }
        let wanted = old.applying(update)
        try Self.requireAddress(of: credentials, by: wanted, if: old.id == caller.key.id)
        let changes = APIKey.changes(from: old, to: wanted)
        guard !changes.isEmpty else { return old }
        let new = try await transaction.update(
          old.id, friendlyName: wanted.friendlyName, limits: wanted.limits,
          allowedAddresses: wanted.allowedAddresses)
        try await transaction.append(caller.entry(.keyUpdated, target: old.id, changes: changes))
        return new
      }
    }
  }

  /// Refuses a list of addresses by which the caller's own key would no longer be heard from where it is.
  private static func requireAddress(of credentials: Credentials, by key: APIKey, if isOwn: Bool) throws {
    guard isOwn, let allowed = key.allowedAddresses, !allowed.allows(credentials.address) else { return }
    // Only this key could take it back.
    throw ValidationFailure(field: "allowed_cidrs", "must include the address that this request comes from")
  }

  /// Runs a change on behalf of a key that may manage, and that can't be revoked before the change is done.
  private func changing<Output: Sendable>(
    by credentials: Credentials, requestID: RequestID, under rule: ManagementRule = .rootKeysOnly,
    _ body: @Sendable (any ManagementTransaction, Caller) async throws -> Output
  ) async throws -> Output {
    try await store.withTransaction { transaction in
      let caller = try await transaction.authenticate(
        credentials, peppers: peppers, requestID: requestID, lock: .shared)
      return try await body(transaction, caller.asManager(under: rule, needing: .writeKeys))
    }
  }
}

extension APIKey {
  func applying(_ update: KeyUpdate) -> APIKey {
    var key = self
    key.friendlyName = update.friendlyName ?? friendlyName
    key.limits = MonthlyLimits(
      requests: update.requests.applied(to: limits.requests),
      tokens: update.tokens.applied(to: limits.tokens),
      speechSeconds: update.speechSeconds.applied(to: limits.speechSeconds))
    key.allowedAddresses = update.allowedAddresses.applied(to: allowedAddresses)
    return key
  }
}

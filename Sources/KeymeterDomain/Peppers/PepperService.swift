/// What is to be known of peppers before keys are made or looked up with them.
public struct PepperService: Sendable {
  private let store: any PepperStore
  private let peppers: PepperSet

  /// A service over `store`.
  public init(store: any PepperStore, peppers: PepperSet) {
    self.store = store
    self.peppers = peppers
  }

  /// Makes sure that the active peppers are the ones that this database has been used with.
  ///
  /// A pepper is taken as it is when it first comes.
  ///
  /// - Throws: `PepperMismatch`, `StoreError`.
  public func introduce() async throws {
    let ids = try await store.introduce(peppers.checks)
    guard ids.isEmpty else { throw PepperMismatch(ids: ids) }
  }

  /// Every pepper that is active or known: the active ones in their order, then the others by id.
  ///
  /// - Throws: `StoreError`.
  public func status() async throws -> [PepperStatus] {
    let known = try await store.knownPeppers()
    let active = peppers.checks.enumerated().map { place, check in
      let found = known.first { $0.id == check.pepperID }
      let isOther = found?.check.map { $0 != check } ?? false
      return PepperStatus(
        id: check.pepperID, state: isOther ? .mismatched : place == 0 ? .current : .active,
        keys: found?.keys ?? 0, firstSeen: found?.firstSeen)
    }
    let retired = known.filter { !peppers.ids.contains($0.id) }
      .map { PepperStatus(id: $0.id, state: .retired, keys: $0.keys, firstSeen: $0.firstSeen) }
    return active + retired
  }
}

/// How a pepper stands.
public struct PepperStatus: Sendable, Hashable {
  /// Where it stands among the peppers that are given.
  public enum State: String, Sendable {
    /// It makes new hashes.
    case current
    /// Keys are looked up by it too.
    case active
    /// It isn't given any more: keys that it guards are refused.
    case retired
    /// Other bytes are given under its id than the database knows.
    case mismatched
  }

  /// The pepper's id.
  public let id: String
  /// Where it stands.
  public let state: State
  /// How many keys need it in order to authenticate.
  public let keys: Int64
  /// When a node or a command first came with it, if one did.
  public let firstSeen: Timestamp?
}

/// Other bytes were given under known ids: with them every key of those peppers would be refused.
public struct PepperMismatch: Error, Sendable, Equatable {
  /// The peppers' ids, in order.
  public let ids: [String]

  /// The error for peppers by their ids.
  public init(ids: [String]) { self.ids = ids }
}

/// Checks the configured peppers against the database, and reports on them.
public struct PepperService: Sendable {
  private let store: any PepperStore
  private let peppers: PepperSet

  /// Creates a service over `store`.
  public init(store: any PepperStore, peppers: PepperSet) {
    self.store = store
    self.peppers = peppers
  }

  /// Checks that the active peppers are the ones that this database was used with.
  ///
  /// A pepper is registered when it is first seen.
  ///
  /// - Throws: `PepperMismatch`, `StoreError`.
  public func introduce() async throws {
    let ids = try await store.introduce(peppers.checks)
    guard ids.isEmpty else { throw PepperMismatch(ids: ids) }
  }

  /// All active and registered peppers: the active ones in order, then the others by id.
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

/// The status of one pepper.
public struct PepperStatus: Sendable, Hashable {
  /// The state of a pepper.
  public enum State: String, Sendable {
    /// It hashes new keys.
    case current
    /// Lookups still try it.
    case active
    /// It is no longer configured, so its keys are rejected.
    case retired
    /// It is configured with different bytes than the database knows for this id.
    case mismatched
  }

  /// The pepper's id.
  public let id: String
  /// The state.
  public let state: State
  /// The number of active keys that depend on it.
  public let keys: Int64
  /// When a node or command first registered it.
  public let firstSeen: Timestamp?
}

/// Known pepper ids are configured with different bytes, so every key of these peppers would be rejected.
public struct PepperMismatch: Error, Sendable, Equatable {
  /// The pepper ids, in order.
  public let ids: [String]

  /// Creates the error from pepper ids.
  public init(ids: [String]) { self.ids = ids }
}

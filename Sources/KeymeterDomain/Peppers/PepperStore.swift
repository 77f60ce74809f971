/// The store of known peppers, and of the number of keys that depend on each.
public protocol PepperStore: Sendable {
  /// Registers new peppers.
  ///
  /// - Returns: The ids that are already registered with different bytes, in order. If there are any, nothing
  ///   is written.
  /// - Throws: `StoreError.unavailable`.
  func introduce(_ checks: [PepperCheck]) async throws -> [String]
  /// All registered peppers and all that keys depend on, by id. Reads every key.
  ///
  /// - Throws: `StoreError.unavailable`.
  func knownPeppers() async throws -> [KnownPepper]
  /// Replaces the stored hash of a secret with the first of these hashes, in its own transaction.
  ///
  /// Secrets that have ended stay unchanged.
  ///
  /// - Returns: Whether a hash was replaced.
  /// - Throws: `StoreError.unavailable`.
  func renew(_ hashes: [SecretHash]) async throws -> Bool
}

/// A pepper as registered in the store.
public struct KnownPepper: Sendable, Hashable {
  /// The pepper's id.
  public let id: String
  /// The check value, or nil if no node or command has registered the pepper yet.
  public let check: PepperCheck?
  /// When the pepper was registered.
  public let firstSeen: Timestamp?
  /// The number of active keys that depend on it.
  public let keys: Int64

  /// Creates a value from a stored row.
  public init(id: String, check: PepperCheck?, firstSeen: Timestamp?, keys: Int64) {
    self.id = id
    self.check = check
    self.firstSeen = firstSeen
    self.keys = keys
  }
}

/// Where it is known which peppers were used, and which keys each of them guards.
public protocol PepperStore: Sendable {
  /// Makes peppers known that were not.
  ///
  /// - Returns: the ids under which other bytes are known, in order; where there is one, nothing was written.
  /// - Throws: `StoreError.unavailable`.
  func introduce(_ checks: [PepperCheck]) async throws -> [String]
  /// Every pepper that is known or guards a key, by its id. Looks at every key.
  ///
  /// - Throws: `StoreError.unavailable`.
  func knownPeppers() async throws -> [KnownPepper]
  /// Stores a key's value under the first of its hashes in place of any other of them, in a transaction of its own.
  ///
  /// A value that has ended stays as it is.
  ///
  /// - Returns: whether there was something to renew.
  /// - Throws: `StoreError.unavailable`.
  func renew(_ hashes: [SecretHash]) async throws -> Bool
}

/// What a store knows of a pepper.
public struct KnownPepper: Sendable, Hashable {
  /// The pepper's id.
  public let id: String
  /// The check value; `nil` where no node or command of this version has come with the pepper yet.
  public let check: PepperCheck?
  /// When the pepper was introduced.
  public let firstSeen: Timestamp?
  /// How many keys that authenticate at present need it.
  public let keys: Int64

  /// A pepper as a store read it.
  public init(id: String, check: PepperCheck?, firstSeen: Timestamp?, keys: Int64) {
    self.id = id
    self.check = check
    self.firstSeen = firstSeen
    self.keys = keys
  }
}

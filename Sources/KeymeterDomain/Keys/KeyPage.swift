/// Which keys a listing is to show; what is left out filters nothing.
public struct KeyFilter: Sendable, Hashable {
  /// Keys of this environment alone.
  public let environment: KeyEnvironment?
  /// Keys of this status alone, by the store's clock.
  public let status: KeyStatus?

  /// A filter; without arguments it passes every key.
  public init(environment: KeyEnvironment? = nil, status: KeyStatus? = nil) {
    self.environment = environment
    self.status = status
  }
}

/// A place in an organisation's keys, which are ordered by the time of their making and then by id.
///
/// Neither ever changes, so keys that are made or deleted meanwhile move nothing across a place. The key that
/// stood there need not exist any more.
public struct KeyPosition: Sendable, Hashable, Comparable {
  /// When the key at the place was issued.
  public let createdAt: Timestamp
  /// The key's id.
  public let id: KeyID

  /// The place of a key.
  public init(createdAt: Timestamp, id: KeyID) {
    self.createdAt = createdAt
    self.id = id
  }

  /// The older key comes first; of two of one moment, the one whose id is less, byte by byte.
  public static func < (left: KeyPosition, right: KeyPosition) -> Bool {
    guard left.createdAt == right.createdAt else { return left.createdAt < right.createdAt }
    return left.id.rawValue.utf8.lexicographicallyPrecedes(right.id.rawValue.utf8)
  }
}

extension APIKey {
  /// The key's place among those of its organisation.
  public var position: KeyPosition { KeyPosition(createdAt: createdAt, id: id) }
}

/// What a caller asks of a listing.
public struct KeyListing: Sendable, Hashable {
  /// Which keys to show.
  public let filter: KeyFilter
  /// Where the page before ended; `nil` is the beginning.
  public let after: KeyPosition?
  /// How many keys a page has at most.
  public let limit: Int

  /// How many keys a page may have.
  public static let limits = 1...200
  /// How many keys a page has where the caller doesn't say.
  public static let defaultLimit = 50

  /// A listing that begins behind `after`.
  public init(filter: KeyFilter = KeyFilter(), after: KeyPosition? = nil, limit: Int = defaultLimit) {
    self.filter = filter
    self.after = after
    self.limit = limit
  }
}

/// One page of a listing.
public struct KeyPage: Sendable, Hashable {
  /// The keys, oldest first.
  public let keys: [APIKey]
  /// How many keys it could have had.
  public let limit: Int
  /// Where the next page begins; `nil` on the last one.
  public let next: KeyPosition?
}

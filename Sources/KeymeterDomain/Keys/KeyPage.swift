/// A filter for listing keys.
///
/// Omitted criteria match every key.
public struct KeyFilter: Sendable, Hashable {
  /// Only keys of this environment.
  public let environment: KeyEnvironment?
  /// Only keys with this status, by the store's clock.
  public let status: KeyStatus?

  /// Creates a filter.
  ///
  /// Without arguments it matches every key.
  public init(environment: KeyEnvironment? = nil, status: KeyStatus? = nil) {
    self.environment = environment
    self.status = status
  }
}

/// A position in an organisation's list of keys, sorted by creation time and then by id.
///
/// Neither ever changes, so keys created or deleted during paging don't shift a position. The key at a
/// position need not exist any more.
public struct KeyPosition: Sendable, Hashable, Comparable {
  /// The creation time of the key at this position.
  public let createdAt: Timestamp
  /// The key's id.
  public let id: KeyID

  /// Creates the position of a key.
  public init(createdAt: Timestamp, id: KeyID) {
    self.createdAt = createdAt
    self.id = id
  }

  /// Orders by creation time, then by the bytes of the id.
  public static func < (left: KeyPosition, right: KeyPosition) -> Bool {
    guard left.createdAt == right.createdAt else { return left.createdAt < right.createdAt }
    return left.id.rawValue.utf8.lexicographicallyPrecedes(right.id.rawValue.utf8)
  }
}

extension APIKey {
  /// The key's position in its organisation's list.
  public var position: KeyPosition { KeyPosition(createdAt: createdAt, id: id) }
}

/// A request for one page of a listing.
public struct KeyListing: Sendable, Hashable {
  /// The filter.
  public let filter: KeyFilter
  /// The position where the previous page ended, or nil for the first page.
  public let after: KeyPosition?
  /// The page size.
  public let limit: Int

  /// The allowed page sizes.
  public static let limits = 1...200
  /// The default page size.
  public static let defaultLimit = 50

  /// Creates a request for the page after `after`.
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
  /// The requested page size.
  public let limit: Int
  /// The position for requesting the next page, or nil on the last page.
  public let next: KeyPosition?
}

import Synchronization

/// Remembers which keys have authenticated on this node, so that failures of other clients at the same
/// address don't block them.
///
/// It only decides which requests may still reach the database, which judges each key every time. It stores
/// neither keys nor hashes, only 64 bits that depend on a per-process seed, in 512 KiB. Keys with the same
/// slot evict each other.
public final class KnownGoodKeyCache: Sendable {
  private static let placeBits = 16

  private let marks: Mutex<[UInt64]>

  /// Creates an empty cache.
  public init() { marks = Mutex(Array(repeating: 0, count: 1 << Self.placeBits)) }

  /// Whether these credentials have authenticated and not failed since.
  ///
  /// May be false for known keys, if another key has taken the slot.
  public func contains(_ credentials: Credentials) -> Bool {
    let mark = Self.mark(credentials)
    return marks.withLock { $0[Self.place(mark)] == mark }
  }

  /// Records that the credentials have authenticated.
  public func insert(_ credentials: Credentials) {
    let mark = Self.mark(credentials)
    marks.withLock { $0[Self.place(mark)] = mark }
  }

  /// Records that the credentials have failed.
  public func remove(_ credentials: Credentials) {
    let mark = Self.mark(credentials)
    marks.withLock { marks in
      if marks[Self.place(mark)] == mark { marks[Self.place(mark)] = 0 }
    }
  }

  private static func place(_ mark: UInt64) -> Int { Int(mark >> UInt64(64 - placeBits)) }

  /// Never 0, which marks an empty slot.
  ///
  /// Swift seeds hashes per process.
  private static func mark(_ credentials: Credentials) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(credentials.secret.revealed)
    hasher.combine(credentials.provider)
    return UInt64(bitPattern: Int64(hasher.finalize())) | 1
  }
}

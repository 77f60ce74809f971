import Synchronization

/// Remembers which keys have authenticated on this node, so that they needn't suffer from others at their address.
///
/// It says only who is worth asking the database for: whether a key holds is judged there, each time. It keeps neither
/// keys nor hashes, but 64 bits that depend on a seed of this process, in half a mebibyte. A key that shares its place
/// with another displaces it.
public final class KnownGoodKeyCache: Sendable {
  private static let placeBits = 16

  private let marks: Mutex<[UInt64]>

  /// Nothing has been proven yet.
  public init() { marks = Mutex(Array(repeating: 0, count: 1 << Self.placeBits)) }

  /// Whether these credentials have authenticated, and not failed since.
  ///
  /// May be `false` for ones that have, where another key has taken the place.
  public func contains(_ credentials: RuntimeCredentials) -> Bool {
    let mark = Self.mark(credentials)
    return marks.withLock { $0[Self.place(mark)] == mark }
  }

  /// Notes that the credentials have just authenticated.
  public func insert(_ credentials: RuntimeCredentials) {
    let mark = Self.mark(credentials)
    marks.withLock { $0[Self.place(mark)] = mark }
  }

  /// Notes that the credentials have just failed.
  public func remove(_ credentials: RuntimeCredentials) {
    let mark = Self.mark(credentials)
    marks.withLock { marks in
      if marks[Self.place(mark)] == mark { marks[Self.place(mark)] = 0 }
    }
  }

  private static func place(_ mark: UInt64) -> Int { Int(mark >> UInt64(64 - placeBits)) }

  /// Never 0, which is an empty place; Swift seeds each process's hashes anew.
  private static func mark(_ credentials: RuntimeCredentials) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(credentials.secret.revealed)
    hasher.combine(credentials.provider)
    return UInt64(bitPattern: Int64(hasher.finalize())) | 1
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The OS user that the server runs as: the invoking user, or `postgres` where that is root.
struct ServerAccount: Sendable {
  let name: String
  let userID: UInt32
  let groupID: UInt32
  /// The name of the invoking user.
  let callerName: String

  /// True where commands must be run as another user than the caller.
  var differsFromCaller: Bool { name != callerName }

  /// Every OS user that may connect over the socket: the caller, root, and the server's own user.
  var peers: [String] { Set([callerName, "root", name]).sorted() }

  /// Looks both users up; fails where root has no `postgres` to become.
  static func current() throws(EmbeddedPostgresError) -> ServerAccount {
    let callerID = geteuid()
    guard let caller = lookUp({ getpwuid_r(callerID, $0, $1, $2, $3) }) else {
      throw .namelessUser(id: callerID)
    }
    guard callerID == 0 else {
      return ServerAccount(
        name: caller.name, userID: caller.userID, groupID: caller.groupID, callerName: caller.name)
    }
    // PostgreSQL refuses a user id of 0, whatever its name.
    guard let server = lookUp({ getpwnam_r("postgres", $0, $1, $2, $3) }), server.userID != 0 else {
      throw .noServerAccount
    }
    return ServerAccount(
      name: server.name, userID: server.userID, groupID: server.groupID, callerName: caller.name)
  }

  private typealias Entry = (name: String, userID: UInt32, groupID: UInt32)
  private typealias Query = (
    UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
    UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
  ) -> Int32

  /// Asks the user database; nil if there is no such user or it can't be read.
  private static func lookUp(_ query: Query) -> Entry? {
    // Entries of directory services can be long; 64 KiB is far above any that is in use.
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65_536) { buffer -> Entry? in
      guard let base = buffer.baseAddress else { return nil }
      var entry = passwd()
      var found: UnsafeMutablePointer<passwd>?
      guard query(&entry, base, buffer.count, &found) == 0, found != nil, let name = entry.pw_name else {
        return nil
      }
      return (String(cString: name), entry.pw_uid, entry.pw_gid)
    }
  }
}

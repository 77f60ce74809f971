import SystemPackage

/// Where everything of one cluster lies.
struct ClusterLayout: Sendable, Equatable {
  /// The caller's directory: it holds the locks and, if the files had to go elsewhere, the link to them.
  let directory: FilePath
  /// The directory of the cluster's files: the caller's, or the one that its link names.
  let location: FilePath
  /// The port; with the socket only it is no more than a part of the socket's name.
  let port: Int

  /// Where the clusters go whose own directory the server's user can't enter.
  static let sharedRoot: FilePath = "/var/lib/keymeter/clusters"

  /// The layout as far as it is known without asking whether the server's user can enter the directory.
  init(directory: FilePath, port: Int) {
    let directory = Files.canonical(directory)
    self.init(directory: directory, location: Self.recorded(in: directory) ?? directory, port: port)
  }

  init(directory: FilePath, location: FilePath, port: Int) {
    self.directory = directory
    self.location = location
    self.port = port
  }

  var data: FilePath { location.appending("data") }
  var log: FilePath { location.appending("postgresql.log") }
  var password: FilePath { location.appending("password") }
  var hostRules: FilePath { location.appending("pg_hba.conf") }
  var userMap: FilePath { location.appending("pg_ident.conf") }
  /// Held while the cluster is created, started or stopped.
  var lock: FilePath { directory.appending("lock") }
  /// Held, shared, by each process that started or adopted the server.
  var inUse: FilePath { directory.appending("in-use") }
  var link: FilePath { directory.appending("cluster") }

  var isRelocated: Bool { location != directory }

  /// The prefix of the directories that initdb works in; a unique end keeps an orphaned one out of the next.
  static let incompletePrefix = "data.incomplete"

  /// The socket's directory: beside the data, or under /tmp if the path would not fit in `sockaddr_un`.
  var socketDirectory: FilePath {
    let beside = location.appending("socket")
    let socket = beside.appending(".s.PGSQL.\(port)")
    // The setting is a comma-separated list with quotes: keep to paths that need none.
    let plain = !beside.string.contains { $0.isWhitespace || $0 == "," || $0 == "\"" }
    guard plain, socket.string.utf8.count <= Self.longestSocketPath else {
      return FilePath("/tmp/keymeter-\(Self.stableName(of: location))")
    }
    return beside
  }

  #if canImport(Darwin)
    private static let longestSocketPath = 103
  #else
    private static let longestSocketPath = 107
  #endif

  /// The place that a link in the directory records.
  ///
  /// Only a direct child of ``sharedRoot`` counts: root must not be led elsewhere by a link that the
  /// directory's owner planted.
  static func recorded(in directory: FilePath) -> FilePath? {
    guard let target = Files.linkTarget(directory.appending("cluster")) else { return nil }
    return target.removingLastComponent() == sharedRoot && target.isLexicallyNormal ? target : nil
  }

  /// A short name that depends on nothing but the path (FNV-1a, 64 bit), so that every process finds it.
  static func stableName(of path: FilePath) -> String {
    let hash = path.string.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { hash, byte in
      (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

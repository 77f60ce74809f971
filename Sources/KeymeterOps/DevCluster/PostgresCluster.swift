import Synchronization
public import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A private PostgreSQL cluster in a directory: created on first use, started, adopted and stopped.
///
/// The server runs as the invoking OS user, or as `postgres` where that is root, and in a session of its
/// own: it outlives this process unless it is stopped, and a Ctrl-C does not reach it. All waits are
/// bounded. Any number of processes may use one directory; a lock file keeps them apart.
public actor PostgresCluster {
  private nonisolated let binaries: PostgresBinaries
  private nonisolated let options: Options
  private nonisolated let layout: Mutex<ClusterLayout>
  /// Tells other processes that this one works with the server.
  private var use: FileLock?

  /// Names a cluster; nothing is touched until ``start()``.
  ///
  /// - Parameters:
  ///   - directory: where the cluster lives; created by ``start()`` if missing.
  ///   - binaries: the PostgreSQL to run.
  ///   - options: settings, TCP port and roles.
  public init(directory: FilePath, binaries: PostgresBinaries, options: Options = Options()) {
    self.binaries = binaries
    self.options = options
    layout = Mutex(ClusterLayout(directory: directory, port: options.tcpPort ?? 5432))
  }

  /// Creates the cluster if there is none, and leaves its server running and ready.
  ///
  /// A server that already runs with the same options is adopted. One with other options is restarted,
  /// unless another process uses it. What a crash or an interrupted start left behind is cleared away.
  ///
  /// - Throws: ``EmbeddedPostgresError``, or `CancellationError` when the task is cancelled.
  public func start() async throws {
    let account = try ServerAccount.current()
    let directory = currentLayout.directory
    // The server's user must be able to pass, not to look around.
    try Files.makeDirectories(directory, mode: account.differsFromCaller ? 0o711 : 0o700)
    let lock = try await FileLock.acquire(currentLayout.lock, within: Bounds.lock)
    defer { lock.release() }
    let settled = try await ClusterLocation(account: account).settle(directory, port: currentLayout.port)
    layout.withLock { $0 = settled }
    try await control(as: account).bringUp()
    if use == nil { use = try FileLock.tryAcquire(settled.inUse, .shared) }
  }

  /// Stops the server, less gently if it does not stop in time; not running is a success.
  ///
  /// It goes on to its end even when the calling task is cancelled: a shutdown is when tasks are.
  ///
  /// - Parameter mode: what to do with those who are connected. Each mode has 30 s (``StopMode/immediate``
  ///   15 s) before the next takes over.
  /// - Throws: ``EmbeddedPostgresError/stopFailed(dataDirectory:output:)`` if it still runs after that.
  public func stop(_ mode: StopMode = .fast) async throws {
    try await Task { try await self.stopUnderLock { try await $0.halt(mode) } }.value
  }

  /// Stops the server at once and removes the cluster's files, wherever they lie; for tests.
  ///
  /// The directory itself and its lock files stay.
  ///
  /// - Throws: ``EmbeddedPostgresError`` if the server or a file can't be removed.
  public func destroy() async throws {
    try await Task {
      try await self.stopUnderLock {
        try await $0.halt(.immediate)
        try await $0.removeAll()
      }
    }.value
  }

  private func stopUnderLock(_ work: @Sendable (ClusterControl) async throws -> Void) async throws {
    guard Files.exists(currentLayout.directory) else { return }
    let lock = try await FileLock.acquire(currentLayout.lock, within: Bounds.lock)
    defer { lock.release() }
    // Another process may have settled the place since this value was made.
    layout.withLock { $0 = ClusterLayout(directory: $0.directory, port: $0.port) }
    try await work(control(as: ServerAccount.current()))
    use?.release()
    use = nil
  }

  /// True if the server's process lives, ready or not.
  ///
  /// - Returns: Whether the process that the data directory names is there and works in it.
  public nonisolated func isRunning() async -> Bool { Postmaster.running(in: dataDirectory) != nil }

  /// The server's process id, for fault injection; nil if it does not run.
  public var postmasterPID: Int32? { Postmaster.running(in: dataDirectory)?.processID }

  /// A libpq URI over the unix socket, for the invoking user without a password.
  ///
  /// Before the first ``start()`` of a directory it may still name another socket directory.
  ///
  /// - Parameters:
  ///   - database: the database's name.
  ///   - role: `postgres` or one of ``Options/roles``.
  /// - Returns: `postgresql://role@/database?host=…&port=…`, each part percent-encoded.
  public nonisolated func connectionURL(database: String, role: String = "postgres") -> String {
    let layout = currentLayout
    return ConnectionURL.socket(
      database: database, role: role, directory: layout.socketDirectory, port: layout.port)
  }

  /// A libpq URI over TCP; nil if the options ask for no port or the cluster was never started.
  ///
  /// It carries the superuser's password for the role `postgres`. Other roles have the password that
  /// whoever created them chose, if any, so theirs has none.
  ///
  /// - Parameters:
  ///   - database: the database's name.
  ///   - role: the role to connect as.
  /// - Returns: `postgresql://role:password@127.0.0.1:port/database`.
  public func tcpConnectionURL(database: String, role: String = "postgres") -> String? {
    guard let port = options.tcpPort, let file = Files.read(currentLayout.password) else { return nil }
    let password = file.split(separator: "\n").first.map { String($0) }
    return ConnectionURL.tcp(
      database: database, role: role, password: role == "postgres" ? password : nil, port: port)
  }

  /// Stops the server at once from synchronous code, such as an `atexit` handler; best effort.
  ///
  /// It asks for an immediate shutdown, from which the next start recovers, and waits at most 6 s.
  public nonisolated func stopNow() {
    let data = dataDirectory
    guard let running = Postmaster.running(in: data) else { return }
    running.signal(Signals.stopImmediately)
    running.signal(Signals.resume)
    // The server itself kills those of its processes that have not gone after 5 s.
    for _ in 0..<300 where Postmaster.running(in: data) != nil { usleep(20_000) }
  }

  /// The directory of the cluster's files.
  ///
  /// It is the one given, unless the server's user can't enter that: then ``start()`` chooses one under
  /// `/var/lib/keymeter/clusters` and records it as the link `cluster` in the one given.
  public nonisolated var location: FilePath { currentLayout.location }

  /// The server's data directory.
  public nonisolated var dataDirectory: FilePath { currentLayout.data }

  /// The server's log, to which every start appends.
  public nonisolated var logFile: FilePath { currentLayout.log }

  /// The directory of the unix socket; mode 0700.
  public nonisolated var socketDirectory: FilePath { currentLayout.socketDirectory }

  private nonisolated var currentLayout: ClusterLayout { layout.withLock { $0 } }

  private nonisolated func control(as account: ServerAccount) -> ClusterControl {
    ClusterControl(binaries: binaries, options: options, layout: currentLayout, account: account)
  }
}

import SystemPackage

/// Decides where a cluster's files go, and creates the directories around them.
struct ClusterLocation: Sendable {
  let account: ServerAccount

  /// Settles the layout: the caller's directory if the server's user can enter it, else a shared place.
  func settle(_ directory: FilePath, port: Int) async throws -> ClusterLayout {
    let known = ClusterLayout(directory: directory, port: port)
    if known.isRelocated {
      try makeShared(known.location)
      return known
    }
    guard account.differsFromCaller, try await !canEnter(known.location) else { return known }
    // Starting elsewhere would look as if the data had vanished.
    guard !Files.exists(known.data) else {
      throw EmbeddedPostgresError.unreachable(path: known.location, user: account.name)
    }
    let shared = ClusterLayout.sharedRoot.appending(ClusterLayout.stableName(of: known.directory))
    try makeShared(shared)
    guard try await canEnter(shared) else {
      throw EmbeddedPostgresError.unreachable(path: shared, user: account.name)
    }
    try Files.makeLink(known.link, to: shared)
    return ClusterLayout(directory: known.directory, location: shared, port: port)
  }

  /// Asks the kernel as that user; mode bits alone tell nothing of ACLs, mounts or the parents' parents.
  private func canEnter(_ directory: FilePath) async throws -> Bool {
    try await CommandRunner(account: account)
      .run("/bin/sh", ["-c", "cd -- \"$1\"", "sh", directory.string], within: .seconds(10))
      .succeeded
  }

  private func makeShared(_ location: FilePath) throws {
    let root = ClusterLayout.sharedRoot
    try Files.makeDirectory(root.removingLastComponent(), mode: 0o755)
    try Files.makeDirectory(root, mode: 0o711)
    try Files.makeDirectory(location, mode: 0o711)
  }

  /// Creates the socket's directory, or makes sure that an existing one is the server's alone.
  func prepareSocketDirectory(_ path: FilePath) throws {
    try Files.makeDirectory(path, mode: 0o700, owner: account)
    guard let status = Files.status(of: path), status.isDirectory, status.permissions & 0o077 == 0 else {
      throw EmbeddedPostgresError.fileSystem(
        operation: "use the socket directory", path: path, reason: "it is not a directory of mode 0700")
    }
    guard status.owner == account.userID else {
      throw EmbeddedPostgresError.wrongOwner(path: path, owner: status.owner, expected: account.name)
    }
  }
}

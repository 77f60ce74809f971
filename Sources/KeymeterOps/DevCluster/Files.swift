import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The few file operations that a cluster needs, each failing with its path and reason.
///
/// Where we are root the server's user owns some of what we touch, so nothing here follows a symbolic
/// link in a last path component.
enum Files {
  /// What `lstat` says of a path that exists.
  struct Status: Sendable {
    let owner: UInt32
    let permissions: UInt32
    let isDirectory: Bool
    let size: Int
  }

  /// The status of the path itself, or nil if there is nothing.
  static func status(of path: FilePath) -> Status? {
    var info = stat()
    guard lstat(path.string, &info) == 0 else { return nil }
    let mode = UInt32(info.st_mode)
    return Status(
      owner: info.st_uid,
      permissions: mode & 0o7777,
      isDirectory: mode & UInt32(S_IFMT) == UInt32(S_IFDIR),
      size: Int(info.st_size)
    )
  }

  static func exists(_ path: FilePath) -> Bool { status(of: path) != nil }

  static func isExecutable(_ path: FilePath) -> Bool { access(path.string, X_OK) == 0 }

  /// Creates one directory; true if it was not there before.
  ///
  /// Only a directory made here gets the mode and the owner.
  @discardableResult
  static func makeDirectory(
    _ path: FilePath, mode: UInt32, owner: ServerAccount? = nil
  ) throws(EmbeddedPostgresError) -> Bool {
    guard mkdir(path.string, 0o700) == 0 else {
      if errno == EEXIST { return false }
      throw failure("create the directory", path)
    }
    // Ownership first: afterwards the mode may let its new owner in.
    if let owner { try give(path, to: owner) }
    guard chmod(path.string, mode_t(mode)) == 0 else { throw failure("set the mode of", path) }
    return true
  }

  /// Creates a directory and the missing ones above it, which get the mode that the umask leaves.
  static func makeDirectories(_ path: FilePath, mode: UInt32) throws(EmbeddedPostgresError) {
    var missing: [FilePath] = []
    var parent = path.removingLastComponent()
    while !parent.isEmpty, access(parent.string, F_OK) != 0 {
      missing.append(parent)
      parent = parent.removingLastComponent()
    }
    for directory in missing.reversed() where mkdir(directory.string, 0o777) != 0 && errno != EEXIST {
      throw failure("create the directory", directory)
    }
    try makeDirectory(path, mode: mode)
  }

  /// Hands a file or directory that this process just created to the server's user.
  static func give(_ path: FilePath, to account: ServerAccount) throws(EmbeddedPostgresError) {
    guard account.differsFromCaller else { return }
    guard lchown(path.string, account.userID, account.groupID) == 0 else {
      throw failure("change the owner of", path)
    }
  }

  /// Replaces a file in one step: readers see the old content or the new, and only `owner` may read it.
  static func write(
    _ text: String, to path: FilePath, owner: ServerAccount
  ) throws(EmbeddedPostgresError) {
    let temporary = FilePath(path.string + ".new-\(getpid())")
    unlink(temporary.string)
    do {
      let file = try FileDescriptor.open(
        temporary, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
        permissions: .ownerReadWrite)
      try file.closeAfter { _ = try file.writeAll(text.utf8) }
    } catch {
      throw .fileSystem(operation: "write", path: path, reason: "\(error)")
    }
    try give(temporary, to: owner)
    try rename(temporary, to: path)
  }

  /// Creates an empty file for the server to append to, unless there is one.
  static func touch(_ path: FilePath, owner: ServerAccount) throws(EmbeddedPostgresError) {
    guard !exists(path) else { return }
    try write("", to: path, owner: owner)
  }

  /// The text from a byte offset to the end, or nil if it can't be read.
  static func read(_ path: FilePath, from offset: Int = 0, limit: Int = 65_536) -> String? {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: [.noFollow, .closeOnExec]) else {
      return nil
    }
    defer { try? file.close() }
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      let target = UnsafeMutableRawBufferPointer(buffer)
      count = (try? file.read(fromAbsoluteOffset: Int64(offset), into: target)) ?? 0
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Renames and makes the new name durable, so that a power cut can't hide what was renamed.
  static func rename(_ source: FilePath, to target: FilePath) throws(EmbeddedPostgresError) {
    guard systemRename(source.string, target.string) == 0 else { throw failure("rename to", target) }
    let parent = open(target.removingLastComponent().string, O_RDONLY | O_CLOEXEC)
    guard parent >= 0 else { return }
    _ = fsync(parent)
    close(parent)
  }

  /// Where a symbolic link points, or nil if the path is none or can't be read.
  static func linkTarget(_ path: FilePath) -> FilePath? {
    let capacity = 4096
    let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      let length = buffer.withMemoryRebound(to: CChar.self) { target in
        target.baseAddress.map { readlink(path.string, $0, capacity) } ?? -1
      }
      count = max(0, length)
    }
    return bytes.isEmpty ? nil : FilePath(String(decoding: bytes, as: UTF8.self))
  }

  static func makeLink(_ path: FilePath, to target: FilePath) throws(EmbeddedPostgresError) {
    guard symlink(target.string, path.string) == 0 else { throw failure("create the link", path) }
  }

  /// The names in a directory, none if it can't be read.
  static func names(in directory: FilePath) -> [String] {
    guard let stream = opendir(directory.string) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// The absolute path without symbolic links; what does not exist yet is appended as written.
  static func canonical(_ path: FilePath) -> FilePath {
    let absolute = path.isAbsolute ? path : FilePath(currentDirectory()).pushing(path)
    var existing = absolute.lexicallyNormalized()
    var rest: [FilePath.Component] = []
    while true {
      if let resolved = realpath(existing.string, nil) {
        defer { free(resolved) }
        return FilePath(String(cString: resolved)).appending(rest.reversed())
      }
      guard let last = existing.lastComponent else { return absolute }
      rest.append(last)
      existing.removeLastComponent()
    }
  }

  static func currentDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "/" }
    defer { free(path) }
    return String(cString: path)
  }

  /// The error for a system call that just failed, with the reason from `errno`.
  static func failure(_ operation: String, _ path: FilePath) -> EmbeddedPostgresError {
    .fileSystem(operation: operation, path: path, reason: "\(Errno(rawValue: errno))")
  }
}

/// `rename(2)`, which inside `Files` is hidden by the method of the same name.
private func systemRename(_ source: String, _ target: String) -> Int32 { rename(source, target) }

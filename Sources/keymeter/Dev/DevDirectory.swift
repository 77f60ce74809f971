import FoundationEssentials
import KeymeterDomain
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The directory of `keymeter dev`: the cluster, the pepper, and the settings for other commands.
///
/// Only one `keymeter dev` uses it at a time; the lock goes with the process, however that ends.
final class DevDirectory: Sendable {
  let path: FilePath
  private let lock: FileDescriptor

  private init(path: FilePath, lock: FileDescriptor) {
    self.path = path
    self.lock = lock
  }

  deinit { try? lock.close() }

  /// Makes the directory, readable by its owner alone, and locks it.
  static func open(_ text: String) throws -> DevDirectory {
    let path = FilePath(FileManager.default.currentDirectoryPath).pushing(FilePath(text))
      .lexicallyNormalized()
    do {
      // Traversable by others, because PostgreSQL runs as another user where we are root; what is secret in
      // it is protected by its own mode.
      try FileManager.default.createDirectory(
        atPath: path.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
      let lock = try FileDescriptor.open(
        path.appending("dev.lock"), .readWrite, options: [.create, .closeOnExec],
        permissions: [.ownerReadWrite])
      guard flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 else {
        try lock.close()
        throw CommandError("another `keymeter dev` is using \(path)")
      }
      return DevDirectory(path: path, lock: lock)
    } catch let error as CommandError {
      throw error
    } catch {
      throw CommandError("\(path) can't be used: \(error)")
    }
  }

  /// The file that sets what every other command needs.
  var environmentFile: FilePath { path.appending("env") }

  /// The pepper of this directory's keys, made on the first run.
  ///
  /// - Returns: the value of `KEYMETER_PEPPERS`.
  func peppers() throws -> String {
    let file = path.appending("peppers")
    if let data = FileManager.default.contents(atPath: file.string) {
      return String(decoding: data, as: UTF8.self)
    }
    var random = RandomSource.system
    let bytes = (0..<PepperSet.fewestBytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let peppers = "dev:\(Data(bytes).base64EncodedString())"
    try writePrivately(peppers, to: file)
    return peppers
  }

  /// Writes `NAME='value'` lines for a shell to read.
  func writeEnvironment(_ variables: [(name: String, value: String)]) throws {
    let lines = variables.map { name, value in
      "\(name)='\(value.replacing("'", with: "'\\''"))'\n"
    }
    try writePrivately(lines.joined(), to: environmentFile)
  }

  /// Writes a file that only its owner may read, whole or not at all.
  private func writePrivately(_ text: String, to file: FilePath) throws {
    let draft = FilePath(file.string + ".new")
    let descriptor = try FileDescriptor.open(
      draft, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: [.ownerReadWrite])
    _ = try descriptor.closeAfter { try descriptor.writeAll(text.utf8) }
    guard rename(draft.string, file.string) == 0 else {
      throw CommandError("\(file) can't be written: \(Errno(rawValue: errno))")
    }
  }
}

import FoundationEssentials
import KeymeterDomain
package import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The directory of `keymeter dev`, with the cluster, the pepper and the settings for other commands.
///
/// Only one `keymeter dev` may use it at a time. The lock ends with the process.
package final class DevDirectory: Sendable {
  package let path: FilePath
  private let lock: FileDescriptor

  private init(path: FilePath, lock: FileDescriptor) {
    self.path = path
    self.lock = lock
  }

  deinit { try? lock.close() }

  /// Creates the directory if it is missing, and locks it.
  package static func open(_ text: String) throws -> DevDirectory {
    let path = FilePath(FileManager.default.currentDirectoryPath).pushing(FilePath(text))
      .lexicallyNormalized()
    do {
      // Other users may traverse it, because PostgreSQL runs as another user if we are root. Secret files
      // have their own mode.
      try FileManager.default.createDirectory(
        atPath: path.string, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
      let lock = try FileDescriptor.open(
        path.appending("dev.lock"), .readWrite, options: [.create, .noFollow, .closeOnExec],
        permissions: [.ownerReadWrite])
      guard flock(lock.rawValue, LOCK_EX | LOCK_NB) == 0 else {
        try lock.close()
        throw DevDirectoryError("another `keymeter dev` is using \(path)")
      }
      return DevDirectory(path: path, lock: lock)
    } catch let error as DevDirectoryError {
      throw error
    } catch {
      throw DevDirectoryError("\(path) is not usable: \(error)")
    }
  }

  /// The file with the settings for all other commands.
  var environmentFile: FilePath { path.appending("env") }

  /// The pepper for this directory's keys, generated on the first run.
  ///
  /// - Returns: The value of `KEYMETER_PEPPERS`.
  package func peppers() throws -> String {
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

  /// Writes `NAME='value'` lines for a shell.
  func writeEnvironment(_ variables: [(name: String, value: String)]) throws {
    let lines = variables.map { name, value in
      "\(name)='\(value.replacing("'", with: "'\\''"))'\n"
    }
    try writePrivately(lines.joined(), to: environmentFile)
  }

  /// Writes a file atomically, readable only by its owner.
  private func writePrivately(_ text: String, to file: FilePath) throws {
    let draft = FilePath(file.string + ".new")
    let descriptor = try FileDescriptor.open(
      draft, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: [.ownerReadWrite])
    _ = try descriptor.closeAfter { try descriptor.writeAll(text.utf8) }
    guard rename(draft.string, file.string) == 0 else {
      throw DevDirectoryError("\(file) can't be written: \(Errno(rawValue: errno))")
    }
  }
}

/// The data directory can't be used.
package struct DevDirectoryError: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}

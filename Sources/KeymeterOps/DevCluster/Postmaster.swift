import FoundationEssentials
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The server process of a data directory.
enum Postmaster {
  /// The process id, nil if no server runs there.
  static func running(in data: FilePath) -> Int32? {
    guard let processID = recorded(in: data), isServer(processID, of: data) else { return nil }
    return processID
  }

  static func record(in data: FilePath) -> FilePath { data.appending("postmaster.pid") }

  /// Removes the file of a killed server if its process id now belongs to another process.
  ///
  /// PostgreSQL would mistake that process for a server and not start. After a restart of a container, ids recur often.
  static func discardStaleRecord(in data: FilePath) {
    guard let processID = recorded(in: data), !isServer(processID, of: data), kill(processID, 0) == 0 else {
      return
    }
    unlink(record(in: data).string)
  }

  /// The process id in `postmaster.pid`, which outlives a crash.
  private static func recorded(in data: FilePath) -> Int32? {
    guard let content = FileManager.default.contents(atPath: record(in: data).string),
      let line = String(decoding: content, as: UTF8.self).split(separator: "\n").first,
      let processID = Int32(line), processID > 1
    else { return nil }
    return processID
  }

  /// True if the process works in the data directory, as every server does.
  ///
  /// A zombie has no working directory.
  private static func isServer(_ processID: Int32, of data: FilePath) -> Bool {
    #if os(Linux)
      var (actual, expected) = (stat(), stat())
      return stat("/proc/\(processID)/cwd", &actual) == 0 && stat(data.string, &expected) == 0
        && actual.st_dev == expected.st_dev && actual.st_ino == expected.st_ino
    #else
      return kill(processID, 0) == 0
    #endif
  }
}

import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A live server process, as the `postmaster.pid` of a data directory names it.
struct Postmaster: Sendable {
  enum Phase: Sendable {
    case starting
    case ready
    case stopping
  }

  let processID: Int32
  let phase: Phase
  /// The unix socket that it listens on, once it says so.
  let socket: FilePath?

  /// The live server of this data directory, or nil.
  ///
  /// The file outlives a crash and its number may by then be another process's, or a zombie's that a
  /// container's init never collects, so the process itself is asked which directory it works in.
  static func running(in data: FilePath) -> Postmaster? {
    guard let lines = record(in: data), let processID = owner(lines, data) else { return nil }
    // Line 8 is the server's own word on its state; while it starts the file is still shorter.
    let status = lines.count > 7 ? lines[7] : "starting"
    let phase: Phase =
      switch status.prefix(while: { $0 != " " }) {
      case "ready", "standby": .ready
      case "stopping": .stopping
      default: .starting
      }
    let socket = lines.count > 7 ? FilePath(String(lines[4])).appending(".s.PGSQL.\(lines[3])") : nil
    return Postmaster(processID: processID, phase: phase, socket: socket)
  }

  /// True if a file was left by a server that is gone: it crashed or was killed.
  static func crashed(in data: FilePath) -> Bool {
    Files.exists(data.appending("postmaster.pid")) && running(in: data) == nil
  }

  /// Removes a crashed server's file if its number is now somebody else's.
  ///
  /// The server would take that process for another postmaster and refuse to start. A number that is
  /// free it judges itself. Its check of the shared memory, by the directory's inode, stays in force.
  static func discardMisleadingRecord(in data: FilePath) {
    guard let lines = record(in: data), owner(lines, data) == nil else { return }
    guard let processID = Int32(lines[0]), processID > 1, exists(processID) else { return }
    unlink(data.appending("postmaster.pid").string)
  }

  /// Sends a signal; best effort.
  func signal(_ number: Int32) { _ = kill(processID, number) }

  private static func record(in data: FilePath) -> [Substring]? {
    guard let text = Files.read(data.appending("postmaster.pid")) else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.count > 1 ? lines : nil
  }

  /// The process of the record, if it lives and works in the data directory, as every postmaster does.
  private static func owner(_ lines: [Substring], _ data: FilePath) -> Int32? {
    guard let processID = Int32(lines[0]), processID > 1, lines[1] == data.string, exists(processID) else {
      return nil
    }
    #if os(Linux)
      return Files.linkTarget(FilePath("/proc/\(processID)/cwd")) == data ? processID : nil
    #else
      return processID
    #endif
  }

  private static func exists(_ processID: Int32) -> Bool { kill(processID, 0) == 0 || errno == EPERM }
}

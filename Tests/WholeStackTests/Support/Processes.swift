import KeymeterTesting
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Facts about processes, from `/proc`.
enum Processes {
  /// A process and its children, such as a postmaster and its backends.
  static func family(of parent: pid_t) -> [pid_t] {
    let text = (try? contents("/proc/\(parent)/task/\(parent)/children")) ?? ""
    return [parent] + text.split(separator: " ").compactMap { pid_t($0) }
  }

  /// A process's current memory, in KiB.
  static func residentKilobytes(of process: pid_t) throws -> Int { try memory("VmRSS", of: process) }

  /// The most memory that a process has used so far, in KiB.
  static func peakKilobytes(of process: pid_t) throws -> Int { try memory("VmHWM", of: process) }

  /// How many established TCP connections a process's network namespace has at this local port.
  static func connections(of process: pid_t, at port: Int) throws -> Int {
    let digits = String(port, radix: 16, uppercase: true)
    let end = ":" + String(repeating: "0", count: 4 - digits.count) + digits
    return try contents("/proc/\(process)/net/tcp").split(separator: "\n").filter { line in
      let columns = line.split(separator: " ")
      return columns.count > 3 && columns[1].hasSuffix(end) && columns[3] == "01"
    }.count
  }

  private static func memory(_ field: String, of process: pid_t) throws -> Int {
    let lines = try contents("/proc/\(process)/status").split(separator: "\n")
    guard let line = lines.first(where: { $0.hasPrefix("\(field):") }),
      let kilobytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({
        Int($0)
      })
    else { throw TestFailure("/proc does not show \(field) of process \(process)") }
    return kilobytes
  }

  private static func contents(_ path: String) throws -> String {
    let file = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec])
    return try file.closeAfter { String(decoding: try file.readToEnd(), as: UTF8.self) }
  }
}

extension FileDescriptor {
  /// Reads the rest of the file.
  func readToEnd() throws -> [UInt8] {
    var bytes: [UInt8] = []
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 1)
    defer { chunk.deallocate() }
    while true {
      let count = try read(into: chunk)
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}

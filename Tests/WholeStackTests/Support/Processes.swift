import KeymeterTesting
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the kernel tells of processes.
enum Processes {
  /// A process and its children, such as a postmaster and its backends.
  static func family(of parent: pid_t) -> [pid_t] {
    let text = (try? contents("/proc/\(parent)/task/\(parent)/children")) ?? ""
    return [parent] + text.split(separator: " ").compactMap { pid_t($0) }
  }

  /// How much memory a process has in use, in bytes.
  static func residentBytes(of process: pid_t) throws -> Int {
    let status = try contents("/proc/\(process)/status")
    guard let match = status.firstMatch(of: /VmRSS:\s+(\d+) kB/), let kilobytes = Int(match.1) else {
      throw TestFailure("the memory of process \(process) is not told")
    }
    return kilobytes * 1_024
  }

  private static func contents(_ path: String) throws -> String {
    let file = try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec])
    return try file.closeAfter {
      try String(unsafeUninitializedCapacity: 65_536) { buffer in
        try file.read(into: UnsafeMutableRawBufferPointer(buffer))
      }
    }
  }
}

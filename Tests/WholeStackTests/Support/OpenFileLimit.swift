import KeymeterTesting

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The limit on open files and sockets of the test process.
enum OpenFileLimit {
  #if canImport(Glibc)
    private static let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  #else
    private static let files = RLIMIT_NOFILE
  #endif

  /// Raises this process's limit, unless it is high enough.
  static func raise(to count: rlim_t) throws {
    var limits = rlimit()
    guard getrlimit(files, &limits) == 0 else {
      throw TestFailure("cannot read the limit on open files: errno \(errno)")
    }
    guard limits.rlim_cur < count else { return }
    guard limits.rlim_max >= count else {
      throw TestFailure("needs \(count) open files, but the hard limit is \(limits.rlim_max): see ulimit -Hn")
    }
    limits.rlim_cur = count
    guard setrlimit(files, &limits) == 0 else { throw TestFailure("cannot raise the limit: errno \(errno)") }
  }
}

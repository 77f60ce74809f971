#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Whether a crash would write the memory, and with it peppers and passwords, to a disk.
struct CoreDumpsCheck: Sendable {
  #if canImport(Glibc)
    private static let core = __rlimit_resource_t(RLIMIT_CORE.rawValue)
  #else
    private static let core = RLIMIT_CORE
  #endif

  var verdict: CheckResult {
    var limits = rlimit()
    guard getrlimit(Self.core, &limits) == 0 else { return .skip("this system doesn't tell its limit") }
    guard limits.rlim_cur > 0 else { return .ok("off (ulimit -c, where doctor runs)") }
    return .warn(
      "on: a crash would write the server's memory to a file, and the peppers with it",
      advice: "Switch them off (ulimit -c 0, systemd: LimitCORE=0, Docker: ulimits core 0)")
  }
}

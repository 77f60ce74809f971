import KeymeterServer

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Whether the certificate and its key can be read, belong together, and hold for a while yet.
struct TLSCheck: Sendable {
  let settings: NodeSettings

  /// Below this there is little time left to find out why nobody renewed it.
  private static let fewestDays = 14

  var verdict: CheckResult {
    guard let tls = settings.tls else { return .ok("connections are in the clear") }
    let expiry: Int
    do throws(SettingError) {
      let files = try TLSFiles(tls)
      _ = try files.context()
      expiry = try files.expiry()
    } catch {
      return .fail(error.description, advice: "The server doesn't start with it")
    }
    let seconds = expiry - time(nil)
    let days = seconds / 86_400
    if seconds <= 0 {
      return .fail("the certificate has expired", advice: "Renew it: clients refuse it")
    }
    guard days >= Self.fewestDays else {
      return .warn(
        "the certificate expires in less than \(days + 1) days",
        advice: "Renew it: the server takes over new files by itself within seconds")
    }
    return .ok("the certificate and its key fit, and hold for \(days) days")
  }
}

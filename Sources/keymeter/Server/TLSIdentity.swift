import Logging
import NIOSSL
import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The certificate and key that new connections are accepted with, read again when their files change.
///
/// Connections that are open keep what they were accepted with.
final class TLSIdentity: Service {
  private struct State {
    var context: NIOSSLContext
    /// What the files held when they were last judged, whether it could be used or not.
    var judged: TLSFiles?
    /// What they held at the last look, if that has not been judged yet.
    var seen: TLSFiles?
    /// The last fault, so that one that stays is logged once.
    var fault: String?
  }

  /// How often the files are looked at.
  private static let interval = Duration.seconds(2)

  private let settings: TLSSettings
  private let logger: Logger
  private let state: Mutex<State>

  /// Reads both files.
  ///
  /// - Throws: `SettingError` where they can't be used.
  init(_ settings: TLSSettings, logger: Logger) throws(SettingError) {
    let files = try TLSFiles(settings)
    self.settings = settings
    self.logger = logger
    state = Mutex(State(context: try files.context(), judged: files))
    warnIfExpired(files)
  }

  /// What the next connection is accepted with.
  var context: NIOSSLContext { state.withLock { $0.context } }

  /// Looks at the files every two seconds until the server stops.
  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        try? await Task.sleep(for: Self.interval)
        self.look()
      }
    }
  }

  /// Takes over what the files hold now, once it has stood still from one look to the next: the two are not
  /// replaced at one instant, and a certificate beside the former's key is no fault.
  ///
  /// The files themselves are compared: they are small, and neither their times nor their inodes tell of every
  /// way in which they can be replaced.
  func look() {
    let found = Result { () throws(SettingError) in try TLSFiles(settings) }
    state.withLock { state in
      switch found {
      case .failure(let error):
        state.seen = nil
        report(error, &state)
      case .success(let files) where files == state.judged:
        state.seen = nil
        state.fault = nil
      case .success(let files) where files != state.seen:
        state.seen = files
      case .success(let files):
        judge(files, &state)
      }
    }
  }

  private func judge(_ files: TLSFiles, _ state: inout State) {
    state.judged = files
    state.seen = nil
    do throws(SettingError) {
      state.context = try files.context()
      state.fault = nil
      logger.notice("the TLS certificate was read again")
      warnIfExpired(files)
    } catch {
      report(error, &state)
    }
  }

  private func report(_ error: SettingError, _ state: inout State) {
    guard state.fault != error.description else { return }
    state.fault = error.description
    logger.error(
      "the TLS files changed and can't be used: the former certificate stays",
      metadata: ["reason": .string(error.description)])
  }

  private func warnIfExpired(_ files: TLSFiles) {
    guard let expiry = try? files.expiry(), expiry < time(nil) else { return }
    logger.warning("the TLS certificate has expired")
  }
}

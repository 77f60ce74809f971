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

/// The certificate and key for new connections, reloaded when their files change.
///
/// Open connections keep the ones they started with.
final class TLSIdentity: Service {
  private struct State {
    var context: NIOSSLContext
    /// The files' content when last validated, whether valid or not.
    var judged: TLSFiles?
    /// The content at the last poll, if not validated yet.
    var seen: TLSFiles?
    /// The last error, so that a persistent one is logged once.
    var fault: String?
  }

  /// The interval between polls of the files.
  private static let interval = Duration.seconds(2)

  private let settings: TLSSettings
  private let logger: Logger
  private let state: Mutex<State>

  /// Reads both files.
  ///
  /// - Throws: `SettingError` if they are invalid.
  init(_ settings: TLSSettings, logger: Logger) throws(SettingError) {
    let files = try TLSFiles(settings)
    self.settings = settings
    self.logger = logger
    state = Mutex(State(context: try files.context(), judged: files))
    warnIfExpired(files)
  }

  /// The context for the next connection.
  var context: NIOSSLContext { state.withLock { $0.context } }

  /// Polls the files every two seconds until the server stops.
  func run() async throws {
    await repeatUntilShutdown(every: Self.interval) { self.look() }
  }

  /// Loads the files' new content once it is unchanged between two polls.
  ///
  /// The two files are not replaced at the same instant, so a new certificate with the old key is not an
  /// error yet. The poll compares the content, because the files are small and neither times nor inodes
  /// reveal every kind of replacement.
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
      logger.notice("the TLS certificate was reloaded")
      warnIfExpired(files)
    } catch {
      report(error, &state)
    }
  }

  private func report(_ error: SettingError, _ state: inout State) {
    guard state.fault != error.description else { return }
    state.fault = error.description
    logger.error(
      "the TLS files changed and can't be used: keeping the previous certificate",
      metadata: ["reason": .string(error.description)])
  }

  private func warnIfExpired(_ files: TLSFiles) {
    guard let expiry = try? files.expiry(), expiry < time(nil) else { return }
    logger.warning("the TLS certificate has expired")
  }
}

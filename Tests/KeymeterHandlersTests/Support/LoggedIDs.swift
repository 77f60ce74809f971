import Logging
import Synchronization

/// Records the request id of each log line at warning or above.
final class LoggedIDs: Sendable {
  private let kept = Mutex<[String]>([])

  var ids: [String] { kept.withLock { $0 } }

  var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

  private struct Handler: LogHandler {
    let log: LoggedIDs
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    init(log: LoggedIDs) { self.log = log }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let id = metadata["request_id"].map { "\($0)" } ?? "none"
      log.kept.withLock { $0.append(id) }
    }
  }
}

import HTTPTypes
import KeymeterDomain
import Logging

/// The line that each answered request has in the log.
///
/// It names the route, never the path: paths and queries hold what clients write into them.
enum RequestLog {
  /// Adds to a logger what all lines of a request have: its id, and its trace where it is part of one.
  static func name(_ logger: inout Logger, _ requestID: RequestID, _ headers: HTTPFields) {
    logger[metadataKey: "request_id"] = .string(requestID.rawValue)
    guard let parent = TraceParent(headers) else { return }
    logger[metadataKey: "trace_id"] = .string(parent.traceID)
    logger[metadataKey: "parent_id"] = .string(parent.parentID)
  }

  /// Writes the line.
  ///
  /// - Parameter caller: whose key it was, where that is known.
  static func answered(
    _ route: (path: String, method: String), _ status: Int, after nanoseconds: Int64,
    _ caller: CallerIdentity?, at level: Logger.Level, to logger: Logger
  ) {
    var fields: Logger.Metadata = [
      "route": .string(route.path), "method": .string(route.method), "status": .stringConvertible(status),
      "duration_ms": .string(milliseconds(nanoseconds)),
    ]
    if let caller {
      fields["organisation_id"] = .string(caller.organisationID.rawValue)
      fields["key_id"] = .string(caller.keyID.rawValue)
    }
    logger.log(level: level, "request", metadata: fields)
  }

  /// With three digits behind the point.
  static func milliseconds(_ nanoseconds: Int64) -> String {
    let microseconds = nanoseconds / 1_000
    let rest = String(microseconds % 1_000)
    return "\(microseconds / 1_000).\(String(repeating: "0", count: 3 - rest.count))\(rest)"
  }
}

import HTTPTypes
import KeymeterDomain
import Logging
import NIOCore

/// The metrics of verify: one route per path form, and the admission decisions.
struct VerificationObservation: Sendable {
  private let exact: MetricsMiddleware
  private let wildcard: MetricsMiddleware
  let admissions: AdmissionMetrics

  /// All methods share one series, because a client can invent methods.
  init(_ metrics: ServiceMetrics) {
    exact = MetricsMiddleware(metrics.route(Verify.path, "any"), logged: .debug)
    wildcard = MetricsMiddleware(metrics.route(Verify.path + "/*", "any"), logged: .debug)
    admissions = metrics.admissions
  }

  func route(_ source: Verify.TermsSource) -> MetricsMiddleware {
    switch source {
    case .query: exact
    case .headers: wildcard
    }
  }
}

/// Measures and logs one verify request.
struct VerificationExchange: Sendable {
  let requestID: RequestID
  let headers: HTTPFields
  let route: MetricsMiddleware
  let logger: Logger
  private let begun = NIODeadline.now()

  init(requestID: RequestID, headers: HTTPFields, route: MetricsMiddleware, logger: Logger) {
    self.requestID = requestID
    self.headers = headers
    self.route = route
    self.logger = logger
  }

  /// A logger with the request's metadata.
  ///
  /// Building it costs more than the rest of this type, so it is built only for a line that is written.
  private var requestLogger: Logger {
    var logger = logger
    RequestLog.name(&logger, requestID, headers)
    return logger
  }

  /// Counts and logs a response, and adds the request's id to it.
  func ended(_ response: BufferedResponse, _ admission: Admission? = nil) -> BufferedResponse {
    let isLogged = logger.logLevel <= .debug
    route.ended(
      response.head.status.code, since: begun, admission?.caller, logger: isLogged ? requestLogger : logger)
    return response.withRequestID(requestID)
  }

  /// Ends with the problem of an error: the request was invalid, or admission failed.
  func failed(_ error: any Error) -> BufferedResponse {
    ended(ProblemMapper(.runtime).response(to: error, requestID: requestID, logger: requestLogger))
  }
}

extension Admission {
  /// The caller, where it is known.
  fileprivate var caller: CallerIdentity? {
    switch self {
    case .admitted(let usage): CallerIdentity(organisationID: usage.organisationID, keyID: usage.keyID)
    case .rejected(_, let usage):
      usage.map { CallerIdentity(organisationID: $0.organisationID, keyID: $0.keyID) }
    }
  }
}

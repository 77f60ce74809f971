import HTTPTypes
import KeymeterDomain
import Logging
import NIOCore

/// What is measured of verifications: by either of their paths, and by what is decided.
struct VerificationObservation: Sendable {
  private let exact: MetricsMiddleware
  private let beneath: MetricsMiddleware
  let admissions: AdmissionMetrics

  /// Methods aren't told apart: any will do, and a client may make up one of its own.
  init(_ metrics: ServiceMetrics) {
    exact = MetricsMiddleware(metrics.route(Verify.path, "any"), logged: .debug)
    beneath = MetricsMiddleware(metrics.route(Verify.path + "/*", "any"), logged: .debug)
    admissions = metrics.admissions
  }

  func route(_ source: Verify.TermsSource) -> MetricsMiddleware {
    switch source {
    case .query: exact
    case .headers: beneath
    }
  }
}

/// A verification under way, as far as its answer's name, the metrics and the log are concerned.
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

  /// The logger of this request's lines; making it costs more than all else here.
  var namedLogger: Logger {
    var logger = logger
    RequestLog.name(&logger, requestID, headers)
    return logger
  }

  /// Names the answer, counts it and has it logged.
  func ended(_ answer: BufferedResponse, _ admission: Admission? = nil) -> BufferedResponse {
    let isLogged = logger.logLevel <= .debug
    route.ended(
      answer.head.status.code, since: begun, admission?.caller,
      logger: isLogged ? namedLogger : logger)
    return answer.named(requestID)
  }
}

extension Admission {
  /// Whose key it was, where that is known.
  fileprivate var caller: CallerIdentity? {
    switch self {
    case .admitted(let key):
      CallerIdentity(organisationID: key.organisationID, keyID: key.keyID)
    case .refused(_, let key):
      key.map { CallerIdentity(organisationID: $0.organisationID, keyID: $0.keyID) }
    }
  }
}

public import CoreMetrics
import HTTPTypes
import KeymeterDomain
import PrometheusMetrics

/// Why an authentication failed: the metric's `reason`.
enum AuthFailure: String, CaseIterable, Sendable {
  case credentialsMissing = "credentials_missing"
  /// The key's form or checksum is wrong, so it was never issued.
  case malformedKey = "malformed_key"
  case unknownKey = "unknown_key"
  case unknownProvider = "unknown_provider"
  case revoked
  case expired
  /// Unknown, revoked, expired or another organisation's. Key management does not distinguish them.
  case notActive = "not_active"
  /// A report of leaked keys has no valid signature.
  case reportUnsigned = "report_unsigned"

  /// Whether it counts against the client's address.
  ///
  /// A request without credentials guesses nothing. Health checks and scanners send them.
  var counts: Bool { self != .credentialsMissing }

  /// Fails for errors that do not concern the credentials.
  ///
  /// - Parameter isWellFormed: whether the key's form and checksum are right.
  init?(_ error: any Error, isWellFormed: Bool) {
    switch error {
    case Rejection.credentialsMissing: self = .credentialsMissing
    case Rejection.notAuthentic: self = isWellFormed ? .notActive : .malformedKey
    case Rejection.unknownProvider: self = .unknownProvider
    case let error as AdmissionRejectedError: self.init(error.rejection)
    case let problem as Problem where problem.status == .unauthorized:
      self.init(rawValue: problem.headers[.reason] ?? "")
    default: return nil
    }
  }

  /// Fails for rejections of an authentic key.
  init?(_ rejection: AdmissionRejection) {
    switch rejection {
    case .unknownProvider: self = .unknownProvider
    case .unknownKey: self = .unknownKey
    case .revoked: self = .revoked
    case .expired: self = .expired
    case .addressNotAllowed, .environmentMismatch, .scopeMissing, .overLimit: return nil
    }
  }
}

/// The metrics of failed authentications.
public struct AuthFailureMetrics: Sendable {
  /// By reason, and by whether the failure counts against an address.
  private let failures: [AuthFailure: (uncounted: Counter, counted: Counter)]
  private let rejections: Counter
  private let addresses: Gauge

  /// Registers all metrics at 0.
  public init(factory: any MetricsFactory = MetricsSystem.factory) {
    func counter(_ reason: AuthFailure, _ counted: String) -> Counter {
      Counter(
        label: MetricCatalogue.authenticationFailures.name,
        dimensions: [("reason", reason.rawValue), ("counted", counted)], factory: factory)
    }
    failures = Dictionary(
      uniqueKeysWithValues: AuthFailure.allCases.map {
        ($0, (uncounted: counter($0, "no"), counted: counter($0, "yes")))
      })
    rejections = Counter(
      label: MetricCatalogue.authenticationRejections.name, dimensions: [], factory: factory)
    addresses = Gauge(
      label: MetricCatalogue.authenticationAddresses.name, dimensions: [], factory: factory)
  }

  func failed(_ reason: AuthFailure, counted: Bool) {
    guard let counters = failures[reason] else { return }
    (counted ? counters.counted : counters.uncounted).increment()
  }

  func rejected() { rejections.increment() }

  func tracks(_ count: Int) { addresses.record(count) }
}

import CoreMetrics
import KeymeterDomain
import PrometheusMetrics

/// Counts admission decisions.
struct AdmissionMetrics: Sendable {
  enum Call: String {
    case verify
    case reserve
  }

  /// The metric's `outcome` label and, for an exceeded limit, its `dimension`.
  enum Outcome: Int, CaseIterable {
    case admitted, unknownProvider, unknownKey, revoked, expired, addressNotAllowed, environmentMismatch
    case scopeMissing, overRequests, overTokens, overSpeechSeconds
    /// The database did not decide.
    case unavailable

    init(_ rejection: AdmissionRejection) {
      self =
        switch rejection {
        case .unknownProvider: .unknownProvider
        case .unknownKey: .unknownKey
        case .revoked: .revoked
        case .expired: .expired
        case .addressNotAllowed: .addressNotAllowed
        case .environmentMismatch: .environmentMismatch
        case .scopeMissing: .scopeMissing
        case .overLimit(.requests): .overRequests
        case .overLimit(.tokens): .overTokens
        case .overLimit(.speechSeconds): .overSpeechSeconds
        }
    }

    var labels: (outcome: String, dimension: String) {
      switch self {
      case .admitted: ("admitted", "")
      case .unknownProvider: ("unknown_provider", "")
      case .unknownKey: ("unknown_key", "")
      case .revoked: ("revoked", "")
      case .expired: ("expired", "")
      case .addressNotAllowed: ("address_not_allowed", "")
      case .environmentMismatch: ("environment_mismatch", "")
      case .scopeMissing: ("scope_missing", "")
      case .overRequests: ("over_limit", Dimension.requests.rawValue)
      case .overTokens: ("over_limit", Dimension.tokens.rawValue)
      case .overSpeechSeconds: ("over_limit", Dimension.speechSeconds.rawValue)
      case .unavailable: ("unavailable", "")
      }
    }
  }

  /// Indexed by the outcome's raw value.
  private let verify: [Counter]
  private let reserve: [Counter]

  init(factory: any MetricsFactory) {
    func counters(_ call: Call) -> [Counter] {
      Outcome.allCases.map { outcome in
        Counter(
          label: MetricCatalogue.admissions.name,
          dimensions: [
            ("call", call.rawValue), ("outcome", outcome.labels.outcome),
            ("dimension", outcome.labels.dimension),
          ], factory: factory)
      }
    }
    verify = counters(.verify)
    reserve = counters(.reserve)
  }

  func decided(_ call: Call, _ outcome: Outcome) {
    switch call {
    case .verify: verify[outcome.rawValue].increment()
    case .reserve: reserve[outcome.rawValue].increment()
    }
  }

  func decided(_ call: Call, _ result: Result<Admission, any Error>) {
    switch result {
    case .success(.admitted): decided(call, .admitted)
    case .success(.rejected(let rejection, _)): decided(call, Outcome(rejection))
    case .failure: decided(call, .unavailable)
    }
  }
}

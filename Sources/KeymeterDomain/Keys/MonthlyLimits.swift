/// A metered dimension (contract §1).
public enum Dimension: String, Sendable, CaseIterable {
  /// The number of requests.
  case requests
  /// LLM tokens.
  case tokens
  /// Seconds of transcribed speech.
  case speechSeconds = "stt_secs"
}

/// A key's monthly limits per dimension: nil is unrestricted, 0 allows nothing (contract §1).
public struct MonthlyLimits: Sendable, Hashable {
  /// Requests per month.
  public var requests: Int64?
  /// LLM tokens per month.
  public var tokens: Int64?
  /// Seconds of transcribed speech per month.
  public var speechSeconds: Int64?

  /// The largest limit: 2^53 − 1, the largest integer that every JSON parser keeps exact.
  public static let largest: Int64 = 9_007_199_254_740_991

  /// No limit on any dimension.
  public static let unrestricted = MonthlyLimits()

  /// Creates limits.
  ///
  /// Omitted dimensions are unrestricted.
  public init(requests: Int64? = nil, tokens: Int64? = nil, speechSeconds: Int64? = nil) {
    self.requests = requests
    self.tokens = tokens
    self.speechSeconds = speechSeconds
  }

  /// The limit on one dimension.
  public subscript(dimension: Dimension) -> Int64? {
    get {
      switch dimension {
      case .requests: requests
      case .tokens: tokens
      case .speechSeconds: speechSeconds
      }
    }
    set {
      switch dimension {
      case .requests: requests = newValue
      case .tokens: tokens = newValue
      case .speechSeconds: speechSeconds = newValue
      }
    }
  }
}

/// What is metered (contract §1).
public enum Dimension: String, Sendable, CaseIterable {
  /// Requests, counted one each.
  case requests
  /// LLM tokens.
  case tokens
  /// Seconds of speech transcribed.
  case speechSeconds = "stt_secs"
}

/// A key's monthly caps, one a dimension: `nil` is unrestricted, 0 allows nothing (contract §1).
public struct MonthlyLimits: Sendable, Hashable {
  /// Requests a month.
  public var requests: Int64?
  /// LLM tokens a month.
  public var tokens: Int64?
  /// Seconds of speech transcribed a month.
  public var speechSeconds: Int64?

  /// The largest cap: 2^53 − 1, the largest whole number that every JSON reader keeps exact.
  public static let largest: Int64 = 9_007_199_254_740_991

  /// No cap on any dimension.
  public static let unrestricted = MonthlyLimits()

  /// Caps by dimension; what is left out is unrestricted.
  public init(requests: Int64? = nil, tokens: Int64? = nil, speechSeconds: Int64? = nil) {
    self.requests = requests
    self.tokens = tokens
    self.speechSeconds = speechSeconds
  }

  /// The cap on one dimension.
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

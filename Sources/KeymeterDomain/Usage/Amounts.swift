/// An amount per metered dimension: a charge, or usage.
public struct Amounts: Sendable, Hashable {
  /// Requests.
  public var requests: Int64
  /// LLM tokens.
  public var tokens: Int64
  /// Seconds of transcribed speech.
  public var speechSeconds: Int64

  /// Zero in all dimensions.
  public static let zero = Amounts()

  /// One request: the default charge of a verification.
  public static let oneRequest = Amounts(requests: 1)

  /// Creates amounts.
  ///
  /// Omitted dimensions are 0.
  public init(requests: Int64 = 0, tokens: Int64 = 0, speechSeconds: Int64 = 0) {
    self.requests = requests
    self.tokens = tokens
    self.speechSeconds = speechSeconds
  }

  /// The amount of one dimension.
  public subscript(dimension: Dimension) -> Int64 {
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

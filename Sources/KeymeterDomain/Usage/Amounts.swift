/// A number for each dimension that is metered: a charge, or what was used.
public struct Amounts: Sendable, Hashable {
  /// Requests.
  public var requests: Int64
  /// LLM tokens.
  public var tokens: Int64
  /// Seconds of speech transcribed.
  public var speechSeconds: Int64

  /// Nothing of any dimension.
  public static let zero = Amounts()

  /// One request, which is what a verification charges unless it says otherwise.
  public static let oneRequest = Amounts(requests: 1)

  /// Amounts by dimension; what is left out is none.
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

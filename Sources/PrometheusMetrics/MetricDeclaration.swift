/// One metric: what it is called, what it means, and by what it is told apart.
///
/// What isn't declared isn't shown, so that a library can add no series, and every metric has a text and a fixed set of
/// labels.
public struct MetricDeclaration: Sendable, Hashable {
  /// What sort of metric it is.
  public enum Kind: Sendable, Hashable {
    /// Goes up only, from 0 at the start of the process.
    case counter
    /// Goes up and down.
    case gauge
    /// Counts values by the least of these bounds that they don't exceed.
    case histogram(Buckets)
  }

  /// The name; a counter's ends with `_total`, and a unit stands in it.
  public let name: String
  /// What sort of metric it is.
  public let kind: Kind
  /// One sentence on what it measures.
  public let help: String
  /// The labels' names, in the order in which they are written.
  public let labels: [String]

  /// A metric that stands in this program's source; a name that Prometheus would refuse stops it.
  public init(_ name: String, _ kind: Kind, _ help: String, labels: [String] = []) {
    precondition(Self.isName(name, besides: "_:"), "\(name) is no metric's name")
    for label in labels {
      precondition(
        Self.isName(label, besides: "_") && !label.hasPrefix("__") && label != "le",
        "\(label) is no label's name")
    }
    precondition(Set(labels).count == labels.count, "\(name) has a label twice")
    self.name = name
    self.kind = kind
    self.help = help
    self.labels = labels
  }

  /// Letters, digits and what else is allowed; no digit in front.
  private static func isName(_ text: String, besides others: String) -> Bool {
    guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
      return false
    }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: others.utf8.contains(byte)
      }
    }
  }
}

/// By which bounds a histogram counts, and in which unit it adds up.
public struct Buckets: Sendable, Hashable {
  /// The bounds, ascending; above the last one there is one more bucket.
  public let bounds: [Double]
  /// Into how many whole parts one unit is divided to be added up: sums of whole numbers lose nothing.
  let partsPerUnit: Int64

  private init(_ bounds: [Double], partsPerUnit: Int64) {
    precondition(!bounds.isEmpty && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
    self.bounds = bounds
    self.partsPerUnit = partsPerUnit
  }

  /// Times, by bounds in seconds; added up in nanoseconds.
  public static func seconds(_ bounds: [Double]) -> Buckets {
    Buckets(bounds, partsPerUnit: nanosecondsPerSecond)
  }

  private static let nanosecondsPerSecond: Int64 = 1_000_000_000

  var areSeconds: Bool { partsPerUnit == Self.nanosecondsPerSecond }

  /// Whole numbers.
  public static func whole(_ bounds: [Double]) -> Buckets { Buckets(bounds, partsPerUnit: 1) }

  /// The bounds in parts, as values are compared with them.
  var parts: [Int64] { bounds.map { Int64(($0 * Double(partsPerUnit)).rounded()) } }
}

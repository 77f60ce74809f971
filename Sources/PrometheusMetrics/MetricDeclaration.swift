/// A metric's name, type, help text and labels.
///
/// Only declared metrics are exposed. So libraries can't add series, and every metric has a help text and a
/// fixed set of labels.
public struct MetricDeclaration: Sendable, Hashable {
  /// The type of metric.
  public enum Kind: Sendable, Hashable {
    /// Only increases, starting from 0 with the process.
    case counter
    /// Goes up and down.
    case gauge
    /// Counts values by bucket.
    case histogram(Buckets)
  }

  /// The name.
  ///
  /// It includes the unit, and a counter's ends with `_total`.
  public let name: String
  /// The type of metric.
  public let kind: Kind
  /// One sentence that says what it measures.
  public let help: String
  /// The label names, in output order.
  public let labels: [String]

  /// Declares a metric.
  ///
  /// An invalid name is a programming error and stops the process.
  public init(_ name: String, _ kind: Kind, _ help: String, labels: [String] = []) {
    precondition(Self.isName(name, besides: "_:"), "\(name) is not a valid metric name")
    for label in labels {
      precondition(
        Self.isName(label, besides: "_") && !label.hasPrefix("__") && label != "le",
        "\(label) is not a valid label name")
    }
    precondition(Set(labels).count == labels.count, "\(name) has a label twice")
    self.name = name
    self.kind = kind
    self.help = help
    self.labels = labels
  }

  /// Whether the text has only letters, digits and `others`, and no digit first.
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

/// A histogram's bucket bounds and its unit.
public struct Buckets: Sendable, Hashable {
  /// The upper bounds, ascending.
  ///
  /// One more bucket counts the values above the last bound.
  public let bounds: [Double]
  /// How many integer parts make up one unit.
  ///
  /// Sums of integers lose no precision.
  let partsPerUnit: Int64

  private init(_ bounds: [Double], partsPerUnit: Int64) {
    precondition(!bounds.isEmpty && zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
    self.bounds = bounds
    self.partsPerUnit = partsPerUnit
  }

  /// Durations with bounds in seconds, summed in nanoseconds.
  public static func seconds(_ bounds: [Double]) -> Buckets {
    Buckets(bounds, partsPerUnit: nanosecondsPerSecond)
  }

  private static let nanosecondsPerSecond: Int64 = 1_000_000_000

  var areSeconds: Bool { partsPerUnit == Self.nanosecondsPerSecond }

  /// Integers.
  public static func whole(_ bounds: [Double]) -> Buckets { Buckets(bounds, partsPerUnit: 1) }

  /// The bounds in parts, for comparison with values.
  var parts: [Int64] { bounds.map { Int64(($0 * Double(partsPerUnit)).rounded()) } }
}

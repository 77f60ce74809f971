/// Prometheus' text format as a test reads it, line by line.
public struct Scrape: Sendable {
  /// Every sample, by its name and labels as they are written.
  public let samples: [String: Double]
  /// The type of each metric.
  public let types: [String: String]

  /// Reads a text.
  ///
  /// A line that is neither a comment nor a sample, or stands twice, is not read.
  public init(_ text: String) {
    var samples: [String: Double] = [:]
    var types: [String: String] = [:]
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# TYPE ") {
        let words = line.split(separator: " ")
        types[String(words[2])] = String(words[3])
      } else if !line.hasPrefix("#"), let space = line.lastIndex(of: " ") {
        samples[String(line[..<space])] = Double(line[line.index(after: space)...])
      }
    }
    self.samples = samples
    self.types = types
  }

  /// A sample; 0 if it is missing.
  public subscript(series: String) -> Double { samples[series] ?? 0 }

  /// By how much each count is above an earlier one's: counters, and how many values histograms hold.
  public func counts(since earlier: Scrape) -> [String: Double] {
    samples.reduce(into: [:]) { moved, sample in
      let name = sample.key.prefix { $0 != "{" }
      guard name.hasSuffix("_total") || name.hasSuffix("_count") else { return }
      let difference = sample.value - earlier[sample.key]
      if difference != 0 { moved[sample.key] = difference }
    }
  }
}

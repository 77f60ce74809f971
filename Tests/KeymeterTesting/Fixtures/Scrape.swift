/// Parses Prometheus' text format.
public struct Scrape: Sendable {
  /// Every sample, by its name and labels as written.
  public let samples: [String: Double]
  /// The type of each metric.
  public let types: [String: String]

  /// Parses a text.
  ///
  /// Lines that are invalid or duplicates are skipped.
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

  /// A sample, or 0 if it is missing.
  public subscript(series: String) -> Double { samples[series] ?? 0 }

  /// The increase of each counter and histogram count since an earlier scrape.
  public func counts(since earlier: Scrape) -> [String: Double] {
    samples.reduce(into: [:]) { moved, sample in
      let name = sample.key.prefix { $0 != "{" }
      guard name.hasSuffix("_total") || name.hasSuffix("_count") else { return }
      let difference = sample.value - earlier[sample.key]
      if difference != 0 { moved[sample.key] = difference }
    }
  }
}

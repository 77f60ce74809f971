import Foundation
import PrometheusMetrics
import Testing

@testable import KeymeterHandlers

@Suite("Dashboard, alerts and documentation match the metrics")
struct DeployedFilesTests {
  private static let root = #filePath.split(separator: "/").dropLast(4).map { "/\($0)" }.joined()

  private static func text(_ path: String) throws -> String {
    try String(contentsOfFile: root + "/" + path, encoding: .utf8)
  }

  /// The expressions of the dashboard, also of its variables.
  private static func dashboard() throws -> [String] {
    let json = try JSONSerialization.jsonObject(with: Data(try text("deploy/grafana/keymeter.json").utf8))
    var expressions: [String] = []
    func visit(_ value: Any) {
      if let object = value as? [String: Any] {
        for (name, member) in object {
          if ["expr", "query", "definition"].contains(name), let text = member as? String {
            expressions.append(text)
          }
          visit(member)
        }
      } else if let array = value as? [Any] {
        array.forEach(visit)
      }
    }
    visit(json)
    return expressions
  }

  /// The metrics and labels that an expression uses.
  private static func uses(in text: String) -> [(name: Substring, labels: [Substring])] {
    text.matches(of: /\b(keymeter_\w+|process_\w+)(?:\{([^}]*)\})?/).map { match in
      let labels = match.2.map { $0.matches(of: /(\w+)\s*[=!]~?=?\s*"/).map(\.1) } ?? []
      return (match.1, labels)
    }
  }

  /// Every series of every metric, with its labels.
  private static let series: [String: Set<String>] = {
    // Prometheus adds these two.
    let common: Set<String> = ["job", "instance"]
    return MetricCatalogue.all.reduce(into: [:]) { series, metric in
      let labels = common.union(metric.labels)
      if case .histogram = metric.kind {
        for suffix in ["_sum", "_count"] { series[metric.name + suffix] = labels }
        series[metric.name + "_bucket"] = labels.union(["le"])
      } else {
        series[metric.name] = labels
      }
    }
  }()

  private static func expectKnown(_ text: String, in place: String) {
    for use in uses(in: text) {
      let labels = series[String(use.name)]
      #expect(labels != nil, "\(place) uses \(use.name)")
      for label in use.labels {
        #expect(labels?.contains(String(label)) == true, "\(place) uses \(label) of \(use.name)")
      }
    }
  }

  @Test("The dashboard uses known metrics and labels only, and shows every metric")
  func dashboard() throws {
    let expressions = try Self.dashboard()
    #expect(expressions.count > 30)
    for expression in expressions { Self.expectKnown(expression, in: "the dashboard") }
    let all = expressions.joined(separator: "\n")
    for metric in MetricCatalogue.all {
      let isShown = all.contains(metric.name)
      #expect(isShown, "\(metric.name) has no panel")
    }
  }

  @Test("The alerts and their tests use known metrics and labels only")
  func alerts() throws {
    for file in ["alerts.yml", "alerts.test.yml"] {
      let text = try Self.text("deploy/prometheus/\(file)").split(separator: "\n")
        .filter { !$0.drop { $0 == " " }.hasPrefix("- name:") }.joined(separator: "\n")
      #expect(Self.uses(in: text).count > 20)
      Self.expectKnown(text, in: file)
    }
  }

  @Test("Every alert is tested and documented, and so is every metric with its labels")
  func documented() throws {
    let alerts = try Self.text("deploy/prometheus/alerts.yml").matches(of: /- alert: (\w+)/).map(\.1)
    let tests = try Self.text("deploy/prometheus/alerts.test.yml")
    let operations = try Self.text("docs/operations.md")
    #expect(alerts.count > 15)
    let lines = operations.split(separator: "\n")
    for alert in alerts {
      // As a separate value, because a failed expectation would print the whole file.
      let isTested = tests.contains("alertname: \(alert)\n")
      #expect(isTested, "\(alert) is not tested")
      let isDocumented = lines.contains { $0.hasPrefix("| `\(alert)` |") }
      #expect(isDocumented, "\(alert) is not documented")
    }
    for metric in MetricCatalogue.all {
      let line = lines.first { $0.hasPrefix("| `\(metric.name)` |") }
      #expect(line != nil, "\(metric.name) is not documented")
      for label in metric.labels { #expect(line?.contains("`\(label)`") == true, "\(metric.name): \(label)") }
    }
    for match in operations.matches(of: /`(keymeter_[a-z_]+_(?:total|seconds|depth|limit))`/) {
      #expect(MetricCatalogue.all.contains { $0.name == match.1 }, "\(match.1) is not a metric")
    }
  }
}

import CoreMetrics
import Testing

@testable import PrometheusMetrics

@Suite("The metrics registry", .timeLimit(.minutes(10)))
struct PrometheusRegistryTests {
  private static let total = MetricDeclaration("test_total", .counter, "Total.", labels: ["kind"])
  private static let gauge = MetricDeclaration("test_gauge", .gauge, "Gauge.")
  private static let time = MetricDeclaration("test_seconds", .histogram(.seconds([1])), "Time.")
  private static let size = MetricDeclaration("test_size", .histogram(.whole([1])), "Size.")

  private let registry = PrometheusRegistry([total, gauge, time, size])

  @Test("A metric with an undeclared name, type or label set is not counted or exposed")
  func undeclared() {
    Counter(label: "other_total", dimensions: [], factory: registry).increment()
    Counter(label: "test_total", dimensions: [], factory: registry).increment()
    Counter(label: "test_total", dimensions: [("path", "/x")], factory: registry).increment()
    Counter(label: "test_total", dimensions: [("kind", "a"), ("path", "/x")], factory: registry).increment()
    Counter(label: "test_gauge", dimensions: [], factory: registry).increment()
    Gauge(label: "test_size", dimensions: [], factory: registry).record(1)
    Recorder(label: "test_gauge", dimensions: [], aggregate: true, factory: registry).record(1)
    Timer(label: "test_size", dimensions: [], factory: registry).recordNanoseconds(1)
    Timer(label: "test_total", dimensions: [("kind", "a")], factory: registry).recordNanoseconds(1)
    Meter(label: "test_size", dimensions: [], factory: registry).set(1)
    #expect(registry.text() == "")
  }

  @Test("Handles with equal labels share one series")
  func sameSeries() {
    for _ in 0..<3 {
      Counter(label: "test_total", dimensions: [("kind", "a")], factory: registry).increment()
    }
    #expect(registry.text().contains("test_total{kind=\"a\"} 3\n"))
  }

  @Test("The number of series per metric is bounded")
  func bounded() {
    for number in 0..<PrometheusRegistry.mostSeries + 5 {
      Counter(label: "test_total", dimensions: [("kind", "\(number)")], factory: registry).increment()
    }
    let lines = registry.text().split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(lines.count == PrometheusRegistry.mostSeries)
  }

  @Test("A counter never decreases, whether by a negative increment, a reset or a destroyed handle")
  func monotonous() {
    let counter = Counter(label: "test_total", dimensions: [("kind", "a")], factory: registry)
    counter.increment(by: 5)
    counter.increment(by: -3)
    counter.reset()
    counter.destroy()
    #expect(registry.text().contains("test_total{kind=\"a\"} 5\n"))
  }

  @Test("Concurrent updates from many threads all count")
  func concurrent() async {
    let counter = Counter(label: "test_total", dimensions: [("kind", "a")], factory: registry)
    let time = Timer(label: "test_seconds", dimensions: [], factory: registry)
    let meter = Meter(label: "test_gauge", dimensions: [], factory: registry)
    await withTaskGroup { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<5_000 {
            counter.increment()
            time.recordNanoseconds(500_000_000)
            meter.increment(by: 2)
            meter.decrement(by: 1)
          }
        }
      }
    }
    let text = registry.text()
    #expect(text.contains("test_total{kind=\"a\"} 40000\n"))
    #expect(text.contains("test_gauge 40000\n"))
    #expect(text.contains("test_seconds_bucket{le=\"1\"} 40000\n"))
    #expect(text.contains("test_seconds_sum 20000\n"))
  }

  @Test("A histogram accepts values of any size and ignores NaN")
  func extremes() {
    let size = Recorder(label: "test_size", dimensions: [], aggregate: true, factory: registry)
    for value: Double in [.nan, .infinity, -1e300, 0.4] { size.record(value) }
    let text = registry.text()
    #expect(text.contains("test_size_bucket{le=\"1\"} 2\n"))
    #expect(text.contains("test_size_bucket{le=\"+Inf\"} 3\n"))
  }
}

public import CoreMetrics

/// The metrics of requests, and the text of all metrics.
public struct ServiceMetrics: Sendable {
  private let factory: any MetricsFactory
  /// All metrics in Prometheus' text format.
  ///
  /// It never waits.
  let text: @Sendable () -> String
  let admissions: AdmissionMetrics

  /// - Parameters:
  ///   - factory: creates the handles.
  ///   - text: returns all metrics in Prometheus' text format. It must not wait.
  public init(factory: any MetricsFactory, text: @escaping @Sendable () -> String) {
    self.factory = factory
    self.text = text
    admissions = AdmissionMetrics(factory: factory)
  }

  /// Records nothing.
  public static let unobserved = ServiceMetrics(factory: NOOPMetricsHandler.instance) { "" }

  /// The metrics of one route.
  ///
  /// - Parameter path: the router's path. A parameter `:id` becomes `{id}`, as in `openapi.json`.
  func route(_ path: String, _ method: String) -> RouteMetrics {
    let template = path.split(separator: "/", omittingEmptySubsequences: false).map { segment in
      segment.hasPrefix(":") ? "{\(segment.dropFirst())}" : String(segment)
    }
    return RouteMetrics(route: template.joined(separator: "/"), method: method, factory: factory)
  }
}

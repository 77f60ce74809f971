public import CoreMetrics

/// What is measured of requests, and how it is read.
public struct ServiceMetrics: Sendable {
  private let factory: any MetricsFactory
  /// All metrics in Prometheus' text format; waits for nothing.
  let text: @Sendable () -> String
  let admissions: AdmissionMetrics

  /// - Parameters:
  ///   - factory: makes the handles.
  ///   - text: writes what was measured, in Prometheus' text format; must not wait for anything.
  public init(factory: any MetricsFactory, text: @escaping @Sendable () -> String) {
    self.factory = factory
    self.text = text
    admissions = AdmissionMetrics(factory: factory)
  }

  /// Where nobody looks.
  public static let unobserved = ServiceMetrics(factory: NOOPMetricsHandler.instance) { "" }

  /// What is measured of one route.
  ///
  /// - Parameter path: as the router has it; a parameter `:id` is written `{id}`, as in `openapi.json`.
  func route(_ path: String, _ method: String) -> RouteMetrics {
    let template = path.split(separator: "/", omittingEmptySubsequences: false).map { segment in
      segment.hasPrefix(":") ? "{\(segment.dropFirst())}" : String(segment)
    }
    return RouteMetrics(route: template.joined(separator: "/"), method: method, factory: factory)
  }
}

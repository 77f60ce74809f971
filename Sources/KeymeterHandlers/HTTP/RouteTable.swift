import HTTPTypes
import Hummingbird
import KeymeterDomain
import Logging
import NIOCore

/// Handles one method of one path.
typealias RouteHandler = @Sendable (Request, KeymeterRequestContext) async throws -> Response

/// The paths and their methods.
///
/// A request to a known path with another method gets them in `Allow`.
struct RouteTable: Sendable {
  private(set) var methods: [String: [HTTPRequest.Method]] = [:]
  /// The paths with a parameter, such as `/api/v1/apikey/:id`.
  private var patterns: [String] = []
  private let metrics: ServiceMetrics

  init(metrics: ServiceMetrics = .unobserved) { self.metrics = metrics }

  /// Adds a path.
  ///
  /// GET implies HEAD.
  ///
  /// - Parameter level: the log level of its requests: `debug` for frequent ones.
  mutating func serve(
    _ path: String, on router: Router<KeymeterRequestContext>, logged level: Logger.Level = .info,
    _ handlers: [(HTTPRequest.Method, RouteHandler)]
  ) {
    for (method, handler) in handlers {
      let route = MetricsMiddleware(metrics.route(path, method.rawValue), logged: level)
      router.on(RouterPath(path), method: method, use: route.observing(handler))
    }
    let served = handlers.map(\.0)
    methods[path] = served + (served.contains(.get) ? [.head] : [])
    if path.contains(":") { patterns.append(path) }
  }

  /// The methods of a path, or `nil` for an unknown path.
  func methods(ofPath path: String) -> [HTTPRequest.Method]? {
    let segments = path.split(separator: "/", omittingEmptySubsequences: true)
    if let methods = methods["/" + segments.joined(separator: "/")] { return methods }
    return patterns.first { Self.matches(segments, pattern: $0) }.flatMap { methods[$0] }
  }

  private static func matches(_ segments: [Substring], pattern: String) -> Bool {
    let wanted = pattern.split(separator: "/")
    return wanted.count == segments.count
      && zip(wanted, segments).allSatisfy { $0.hasPrefix(":") || $0 == $1 }
  }
}

/// Answers requests without a handler: the path is unknown (404), the method is (405 with `Allow`), or the target has an
/// invalid form (400).
struct NotFoundMiddleware: RouterMiddleware {
  let routes: RouteTable
  /// One series for all of these responses, because clients choose the paths.
  let route: MetricsMiddleware

  func handle(
    _ request: Request, context: KeymeterRequestContext,
    next: (Request, KeymeterRequestContext) async throws -> Response
  ) async throws -> Response {
    guard RequestTarget.hasKnownForm(request.head) else {
      return try await route.observing { Self.answer(.unknownTarget, to: $0, $1) }(request, context)
    }
    do {
      return try await next(request, context)
    } catch let error as HTTPError where error.status == .notFound {
      return try await route.observing(answer)(request, context)
    }
  }

  @Sendable private func answer(
    _ request: Request, _ context: KeymeterRequestContext
  ) async throws -> Response {
    let problem = routes.methods(ofPath: request.uri.path).map(Problem.methodNotAllowed) ?? .pathNotFound
    return Self.answer(problem, to: request, context)
  }

  private static func answer(
    _ problem: Problem, to request: Request, _ context: KeymeterRequestContext
  ) -> Response {
    let dialect = ScrubbeEnvelope.covers(path: request.uri.path) ? Dialect.scrubbe : .runtime
    let response = dialect.response(problem, context.requestID).response
    // Clients would read a body after HEAD as the next response. The router handles HEAD only for known routes.
    return request.method == .head ? response.createHeadResponse() : response
  }
}

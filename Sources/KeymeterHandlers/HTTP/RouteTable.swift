import HTTPTypes
import Hummingbird
import KeymeterDomain
import Logging
import NIOCore

/// Answers one method of one path.
typealias RouteHandler = @Sendable (Request, KeymeterRequestContext) async throws -> Response

/// Every path that is served, and by which methods: what a request to a known path with another method is
/// told in `Allow`.
struct RouteTable: Sendable {
  private(set) var methods: [String: [HTTPRequest.Method]] = [:]
  /// Those of the paths that have a parameter, such as `/api/v1/apikey/:id`.
  private var patterns: [String] = []
  private let metrics: ServiceMetrics

  /// A table without routes.
  ///
  /// - Parameter metrics: is told of every answer.
  init(metrics: ServiceMetrics = .unobserved) { self.metrics = metrics }

  /// Serves `path` by the given methods; where GET is served, HEAD is too.
  ///
  /// - Parameter level: at which requests are logged: `debug` where they may be many.
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

  /// The methods of a path; `nil` for a path that is not served.
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

/// Says why no handler was found: there is no such path (404), or it has other methods (405 with `Allow`).
///
/// For a target whose form is unknown none is looked for (400).
struct NotFoundMiddleware: RouterMiddleware {
  let routes: RouteTable
  /// Counts these answers, all together: their paths are whatever clients write.
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
    let response =
      ScrubbeAnswer.covers(path: request.uri.path)
      ? problem.scrubbeResponse(requestID: context.requestID)
      : problem.response(requestID: context.requestID)
    // A body after HEAD would be read as the beginning of the next answer; the router sees to HEAD only
    // where it has found a route.
    return request.method == .head ? response.createHeadResponse() : response
  }
}

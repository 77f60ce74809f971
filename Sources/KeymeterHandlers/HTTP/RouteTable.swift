import HTTPTypes
import Hummingbird

/// Answers one method of one path.
typealias RouteHandler = @Sendable (Request, KeymeterRequestContext) async throws -> Response

/// Every path that is served, and by which methods: what a request to a known path with another method is
/// told in `Allow`.
struct RouteTable: Sendable {
  private(set) var methods: [String: [HTTPRequest.Method]] = [:]

  /// Serves `path` by the given methods; where GET is served, HEAD is too.
  mutating func serve(
    _ path: String, on router: Router<KeymeterRequestContext>,
    _ handlers: [(HTTPRequest.Method, RouteHandler)]
  ) {
    for (method, handler) in handlers {
      router.on(RouterPath(path), method: method, use: handler)
    }
    let served = handlers.map(\.0)
    methods[path] = served + (served.contains(.get) ? [.head] : [])
  }

  /// The methods of a path; `nil` for a path that is not served.
  func methods(ofPath path: String) -> [HTTPRequest.Method]? {
    let segments = path.split(separator: "/", omittingEmptySubsequences: true)
    return methods["/" + segments.joined(separator: "/")]
  }
}

/// Says why no handler was found: there is no such path (404), or it has other methods (405 with `Allow`).
struct AnswerUnrouted: RouterMiddleware {
  let routes: RouteTable

  func handle(
    _ request: Request, context: KeymeterRequestContext,
    next: (Request, KeymeterRequestContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as HTTPError where error.status == .notFound {
      let problem = routes.methods(ofPath: request.uri.path).map(Problem.methodNotAllowed) ?? .pathNotFound
      let response = problem.response(requestID: context.requestID)
      // A body after HEAD would be read as the beginning of the next answer; the router sees to HEAD only
      // where it has found a route.
      return request.method == .head ? response.createHeadResponse() : response
    }
  }
}

import HTTPTypes
import Hummingbird
public import KeymeterDomain
import Logging

/// The routes of the service.
public struct KeymeterRouter: Sendable {
  private let keys: KeyService
  private let usage: UsageService
  private let leaks: LeakService?
  private let limiter: AuthFailureLimiter
  private let metrics: ServiceMetrics
  private let rehash: (@Sendable (KeySecret) -> Void)?
  private let readiness: @Sendable () async -> Readiness

  /// A router over the domain's services.
  ///
  /// - Parameters:
  ///   - leaks: ends leaked keys, or `nil` if no reporter is configured.
  ///   - limiter: limits failed authentications per client address.
  ///   - metrics: records every response.
  ///   - rehash: is called with each key that authenticated, to store its hash under the current pepper. It is `nil`
  ///     unless peppers are being rotated, and must return at once.
  ///   - readiness: whether this node can serve requests. It must return in bounded time.
  public init(
    keys: KeyService, usage: UsageService, leaks: LeakService? = nil,
    limiter: AuthFailureLimiter = AuthFailureLimiter(), metrics: ServiceMetrics = .unobserved,
    rehash: (@Sendable (KeySecret) -> Void)? = nil,
    readiness: @escaping @Sendable () async -> Readiness
  ) {
    self.keys = keys
    self.usage = usage
    self.leaks = leaks
    self.limiter = limiter
    self.metrics = metrics
    self.rehash = rehash
    self.readiness = readiness
  }

  /// The responder for an application or a test.
  public func responder() -> KeymeterResponder {
    // A router's middlewares apply only to routes added after them, so the table is built first, on another router.
    let routes = routes
    let router = Router(context: KeymeterRequestContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: RequestIDMiddleware())
    let unrouted = MetricsMiddleware(metrics.route("unrouted", "any"), logged: .debug)
    router.add(middleware: NotFoundMiddleware(routes: routes, route: unrouted))
    _ = serveAll(on: router)
    return KeymeterResponder(
      verify: Verify(usage: usage), limiter: limiter, rehash: rehash,
      observation: VerificationObservation(metrics), router: router.buildResponder())
  }

  /// All paths and their methods, except verify, which `KeymeterResponder` handles.
  var routes: RouteTable { serveAll(on: Router(context: KeymeterRequestContext.self)) }

  private func serveAll(on router: Router<KeymeterRequestContext>) -> RouteTable {
    var routes = RouteTable(metrics: metrics)
    serveScrubs(on: router, &routes)
    serveScrubbe(on: router, &routes)
    serveRuntime(on: router, &routes)
    let health = HealthRoutes(readiness: readiness)
    routes.serve("/health/live", on: router, logged: .debug, [(.get, health.live)])
    routes.serve("/health/ready", on: router, logged: .debug, [(.get, health.ready)])
    routes.serve("/metrics", on: router, logged: .debug, [(.get, ReadMetrics(text: metrics.text).respond)])
    routes.serve("/openapi.json", on: router, logged: .debug, [(.get, OpenAPIDocument.respond)])
    return routes
  }

  /// Wraps a handler so that it gets the parsed credentials, failed authentications are limited, and successful ones
  /// may cause a rehash.
  private func authenticating(
    _ presentation: KeyPresentation, _ format: CredentialFormat, _ handler: @escaping RouteHandler
  ) -> RouteHandler {
    limiter.limiting(presentation, format) { request, context in
      let response = try await handler(request, context)
      if let rehash, case .success(let credentials) = context.credentials { rehash(credentials.secret) }
      return response
    }
  }

  private func serveScrubs(on router: Router<KeymeterRequestContext>, _ routes: inout RouteTable) {
    let problems = ProblemMapper(.scrubs)
    let creating = ProblemMapper(.scrubs, unexpected: .creationFailed)
    let calls: [(method: HTTPRequest.Method, problems: ProblemMapper, handler: RouteHandler)] = [
      (.get, problems, GetAPIKey(keys: keys).respond),
      (.post, creating, CreateAPIKey(keys: keys).respond),
      (.put, problems, UpdateAPIKey(keys: keys).respond),
      (.delete, problems, DeleteAPIKey(keys: keys).respond),
    ]
    routes.serve(
      "/api/v1/api-key", on: router,
      calls.map { ($0.method, $0.problems.answering(authenticating(.own, .scrubs, $0.handler))) })
  }

  private func serveScrubbe(on router: Router<KeymeterRequestContext>, _ routes: inout RouteTable) {
    let base = ScrubbeEnvelope.basePath
    let problems = ProblemMapper(.scrubbe)
    let creating = ProblemMapper(.scrubbe, unexpected: .creationFailed)
    typealias Served = (
      path: String, method: HTTPRequest.Method, problems: ProblemMapper, handler: RouteHandler
    )
    let calls: [Served] = [
      ("/createapikey", .post, creating, CreateScrubbeKey(keys: keys).respond),
      ("/apikeys", .get, problems, ListScrubbeKeys(keys: keys).respond),
      ("/:id/rotate", .post, problems, RotateScrubbeKey(keys: keys).respond),
      ("/:id/revoke", .post, problems, RevokeScrubbeKey(keys: keys).respond),
      ("/:id", .delete, problems, DeleteScrubbeKey(keys: keys).respond),
    ]
    for call in calls {
      routes.serve(
        base + call.path, on: router,
        [(call.method, call.problems.answering(authenticating(.own, .scrubbe, call.handler)))])
    }
  }

  private func serveRuntime(on router: Router<KeymeterRequestContext>, _ routes: inout RouteTable) {
    let problems = ProblemMapper(.runtime)
    let calls: [(path: String, method: HTTPRequest.Method, keys: KeyPresentation, handler: RouteHandler)] = [
      ("/api/v1/usage", .get, .forwarded, Usage(service: usage).respond),
      (
        "/api/v1/usage/reserve", .post, .forwarded, Reserve(usage: usage, metrics: metrics.admissions).respond
      ),
      ("/api/v1/usage/settle", .post, .forwarded, Settle(usage: usage).respond),
      ("/api/v1/usage/record", .post, .forwarded, Record(usage: usage).respond),
      ("/api/v1/usage-analytics", .post, .own, UsageAnalytics(usage: usage).respond),
      ("/api/v1/audit", .get, .own, Audit(usage: usage).respond),
    ]
    for call in calls {
      // Back ends call these routes as often as gateways call verify, so they are logged at debug.
      let level = call.keys == .forwarded ? Logger.Level.debug : .info
      let handler = authenticating(call.keys, .either, call.handler)
      routes.serve(call.path, on: router, logged: level, [(call.method, problems.answering(handler))])
    }
    // A signature authenticates reports, so this handler limits failures itself.
    routes.serve(
      "/api/v1/leaks/github", on: router,
      [(.post, problems.answering(ReportGitHubLeaks(leaks: leaks, limiter: limiter).respond))])
  }
}

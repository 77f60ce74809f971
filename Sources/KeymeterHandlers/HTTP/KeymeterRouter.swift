import HTTPTypes
import Hummingbird
public import KeymeterDomain
import Logging

/// All that the service answers over HTTP.
public struct KeymeterRouter: Sendable {
  private let keys: KeyService
  private let usage: UsageService
  private let leaks: LeakService?
  private let watch: AuthFailureLimiter
  private let metrics: ServiceMetrics
  private let rehash: (@Sendable (KeySecret) -> Void)?
  private let readiness: @Sendable () async -> Readiness

  /// A router over the domain's services.
  ///
  /// - Parameters:
  ///   - leaks: ends keys that were found in public; `nil` where nobody is known who reports them.
  ///   - watch: limits what fails to authenticate.
  ///   - metrics: is told of every answer.
  ///   - rehash: is called with each key that authenticated, to store its hash under the current pepper; `nil` unless
  ///     peppers are being rotated. It must return at once.
  ///   - readiness: says whether this node can work; must itself answer in bounded time.
  public init(
    keys: KeyService, usage: UsageService, leaks: LeakService? = nil,
    watch: AuthFailureLimiter = AuthFailureLimiter(), metrics: ServiceMetrics = .unobserved,
    rehash: (@Sendable (KeySecret) -> Void)? = nil,
    readiness: @escaping @Sendable () async -> Readiness
  ) {
    self.keys = keys
    self.usage = usage
    self.leaks = leaks
    self.watch = watch
    self.metrics = metrics
    self.rehash = rehash
    self.readiness = readiness
  }

  /// The responder that an application or a test serves.
  public func responder() -> KeymeterResponder {
    // The table is made first, on a router of its own, because a router's middlewares take effect only on
    // the routes that are added after them.
    let routes = routes
    let router = Router(context: KeymeterRequestContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: RequestIDMiddleware())
    let unrouted = MetricsMiddleware(metrics.route("unrouted", "any"), logged: .debug)
    router.add(middleware: NotFoundMiddleware(routes: routes, route: unrouted))
    _ = serveAll(on: router)
    return KeymeterResponder(
      verify: Verify(usage: usage), watch: watch, rehash: rehash,
      observation: VerificationObservation(metrics), router: router.buildResponder())
  }

  /// Every path and its methods, but for verification, which answers any method by itself.
  var routes: RouteTable { serveAll(on: Router(context: KeymeterRequestContext.self)) }

  private func serveAll(on router: Router<KeymeterRequestContext>) -> RouteTable {
    var routes = RouteTable(metrics: metrics)
    let problems = ScrubsProblems.standard
    routes.serve(
      "/api/v1/api-key", on: router,
      [
        (.get, problems.answering(authenticating(.own, GetAPIKey(keys: keys).respond))),
        (.post, ScrubsProblems.creating.answering(authenticating(.own, CreateAPIKey(keys: keys).respond))),
        (.put, problems.answering(authenticating(.own, UpdateAPIKey(keys: keys).respond))),
        (.delete, problems.answering(authenticating(.own, DeleteAPIKey(keys: keys).respond))),
      ])
    serveScrubbe(on: router, &routes)
    serveRuntime(on: router, &routes)
    let health = HealthRoutes(readiness: readiness)
    routes.serve("/health/live", on: router, logged: .debug, [(.get, health.live)])
    routes.serve("/health/ready", on: router, logged: .debug, [(.get, health.ready)])
    routes.serve("/metrics", on: router, logged: .debug, [(.get, ReadMetrics(text: metrics.text).respond)])
    routes.serve("/openapi.json", on: router, logged: .debug, [(.get, OpenAPIDocument.respond)])
    return routes
  }

  /// A handler whose failed authentications count against the client, and whose successful ones may cause a rehash.
  private func authenticating(
    _ presentation: KeyPresentation, _ handler: @escaping RouteHandler
  ) -> RouteHandler {
    guard let rehash else { return watch.over(presentation, handler) }
    return watch.over(presentation) { request, context in
      let response = try await handler(request, context)
      if let credentials = try? Credentials(reading: request.headers, from: nil) {
        rehash(credentials.secret)
      }
      return response
    }
  }

  private func serveScrubbe(on router: Router<KeymeterRequestContext>, _ routes: inout RouteTable) {
    let base = ScrubbeAnswer.basePath
    let problems = ScrubbeProblems.standard
    typealias Served = (
      path: String, method: HTTPRequest.Method, problems: ScrubbeProblems, handler: RouteHandler
    )
    let calls: [Served] = [
      ("/createapikey", .post, .creating, CreateScrubbeKey(keys: keys).respond),
      ("/apikeys", .get, problems, ListScrubbeKeys(keys: keys).respond),
      ("/:id/rotate", .post, problems, RotateScrubbeKey(keys: keys).respond),
      ("/:id/revoke", .post, problems, RevokeScrubbeKey(keys: keys).respond),
      ("/:id", .delete, problems, DeleteScrubbeKey(keys: keys).respond),
    ]
    for call in calls {
      routes.serve(
        base + call.path, on: router,
        [(call.method, call.problems.answering(authenticating(.own, call.handler)))])
    }
  }

  private func serveRuntime(on router: Router<KeymeterRequestContext>, _ routes: inout RouteTable) {
    let calls: [(path: String, method: HTTPRequest.Method, keys: KeyPresentation, handler: RouteHandler)] = [
      ("/api/v1/usage", .get, .passedOn, Usage(service: usage).respond),
      ("/api/v1/usage/reserve", .post, .passedOn, Reserve(usage: usage, metrics: metrics.admissions).respond),
      ("/api/v1/usage/settle", .post, .passedOn, Settle(usage: usage).respond),
      ("/api/v1/usage/record", .post, .passedOn, Record(usage: usage).respond),
      ("/api/v1/usage-analytics", .post, .own, UsageAnalytics(usage: usage).respond),
      ("/api/v1/audit", .get, .own, Audit(usage: usage).respond),
    ]
    for call in calls {
      let watched = authenticating(call.keys, call.handler)
      // What back ends call as often as gateways verify isn't logged line by line, unless somebody asks for it.
      let level = call.keys == .passedOn ? Logger.Level.debug : .info
      routes.serve(
        call.path, on: router, logged: level, [(call.method, RuntimeProblems.answering(watched))])
    }
    // A report presents keys of others, and is authenticated by its signature; it watches over that itself.
    routes.serve(
      "/api/v1/leaks/github", on: router,
      [(.post, RuntimeProblems.answering(ReportGitHubLeaks(leaks: leaks, watch: watch).respond))])
  }
}

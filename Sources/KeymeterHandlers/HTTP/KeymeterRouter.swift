import HTTPTypes
import Hummingbird
public import KeymeterDomain
import Logging

/// All that the service answers over HTTP.
public struct KeymeterRouter: Sendable {
  private let keys: KeyService
  private let meter: MeteringService
  private let audit: AuditService
  private let leaks: LeakService?
  private let watch: AuthFailureLimiter
  private let metrics: ServiceMetrics
  private let readiness: @Sendable () async -> Readiness

  /// A router over the domain's services.
  ///
  /// - Parameters:
  ///   - leaks: ends keys that were found in public; `nil` where nobody is known who reports them.
  ///   - watch: limits what fails to authenticate.
  ///   - metrics: is told of every answer.
  ///   - readiness: says whether this node can work; must itself answer in bounded time.
  public init(
    keys: KeyService, meter: MeteringService, audit: AuditService, leaks: LeakService? = nil,
    watch: AuthFailureLimiter = AuthFailureLimiter(), metrics: ServiceMetrics = .unobserved,
    readiness: @escaping @Sendable () async -> Readiness
  ) {
    self.keys = keys
    self.meter = meter
    self.audit = audit
    self.leaks = leaks
    self.watch = watch
    self.metrics = metrics
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
      verify: Verify(meter: meter), watch: watch, observation: VerificationObservation(metrics),
      router: router.buildResponder())
  }

  /// Every path and its methods, but for verification, which answers any method by itself.
  var routes: RouteTable { serveAll(on: Router(context: KeymeterRequestContext.self)) }

  private func serveAll(on router: Router<KeymeterRequestContext>) -> RouteTable {
    var routes = RouteTable(metrics: metrics)
    let problems = ScrubsProblems.standard
    routes.serve(
      "/api/v1/api-key", on: router,
      [
        (.get, problems.answering(watch.over(.own, GetAPIKey(keys: keys).respond))),
        (.post, ScrubsProblems.creating.answering(watch.over(.own, CreateAPIKey(keys: keys).respond))),
        (.put, problems.answering(watch.over(.own, UpdateAPIKey(keys: keys).respond))),
        (.delete, problems.answering(watch.over(.own, DeleteAPIKey(keys: keys).respond))),
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
        [(call.method, call.problems.answering(watch.over(.own, call.handler)))])
    }
  }

  private func serveRuntime(on router: Router<KeymeterRequestContext>, _ routes: inout RouteTable) {
    let calls: [(path: String, method: HTTPRequest.Method, keys: KeyPresentation, handler: RouteHandler)] = [
      ("/api/v1/usage", .get, .passedOn, Usage(meter: meter).respond),
      ("/api/v1/usage/reserve", .post, .passedOn, Reserve(meter: meter, metrics: metrics.admissions).respond),
      ("/api/v1/usage/settle", .post, .passedOn, Settle(meter: meter).respond),
      ("/api/v1/usage/record", .post, .passedOn, Record(meter: meter).respond),
      ("/api/v1/usage-analytics", .post, .own, UsageAnalytics(meter: meter).respond),
      ("/api/v1/audit", .get, .own, Audit(audit: audit).respond),
    ]
    for call in calls {
      let watched = watch.over(call.keys, call.handler)
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

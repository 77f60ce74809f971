import HTTPTypes
import Hummingbird
public import KeymeterDomain

/// All that the service answers over HTTP.
public struct KeymeterRouter: Sendable {
  private let keys: KeyService
  private let meter: MeteringService
  private let audit: AuditService
  private let leaks: LeakService?
  private let readiness: @Sendable () async -> Readiness

  /// A router over the domain's services.
  ///
  /// - Parameters:
  ///   - leaks: ends keys that were found in public; `nil` where nobody is known who reports them.
  ///   - readiness: says whether this node can work; must itself answer in bounded time.
  public init(
    keys: KeyService, meter: MeteringService, audit: AuditService, leaks: LeakService? = nil,
    readiness: @escaping @Sendable () async -> Readiness
  ) {
    self.keys = keys
    self.meter = meter
    self.audit = audit
    self.leaks = leaks
    self.readiness = readiness
  }

  /// The responder that an application or a test serves.
  public func responder() -> KeymeterResponder {
    // The table is made first, on a router of its own, because a router's middlewares take effect only on
    // the routes that are added after them.
    let routes = routes
    let router = Router(context: KeymeterRequestContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: IdentifyRequest())
    router.add(middleware: AnswerUnrouted(routes: routes))
    _ = serveAll(on: router)
    return KeymeterResponder(verify: Verify(meter: meter), router: router.buildResponder())
  }

  /// Every path and its methods, but for verification, which answers any method by itself.
  var routes: RouteTable { serveAll(on: Router(context: KeymeterRequestContext.self)) }

  private func serveAll(on router: Router<KeymeterRequestContext>) -> RouteTable {
    var routes = RouteTable()
    let problems = ScrubsProblems.standard
    routes.serve(
      "/api/v1/api-key", on: router,
      [
        (.get, problems.answering(GetAPIKey(keys: keys).respond)),
        (.post, ScrubsProblems.creating.answering(CreateAPIKey(keys: keys).respond)),
        (.put, problems.answering(UpdateAPIKey(keys: keys).respond)),
        (.delete, problems.answering(DeleteAPIKey(keys: keys).respond)),
      ])
    serveScrubbe(on: router, &routes)
    serveRuntime(on: router, &routes)
    let health = HealthRoutes(readiness: readiness)
    routes.serve("/health/live", on: router, [(.get, health.live)])
    routes.serve("/health/ready", on: router, [(.get, health.ready)])
    routes.serve("/openapi.json", on: router, [(.get, OpenAPIDocument.respond)])
    return routes
  }

  private func serveScrubbe(on router: Router<KeymeterRequestContext>, _ routes: inout RouteTable) {
    let base = ScrubbeAnswer.basePath
    let problems = ScrubbeProblems.standard
    routes.serve(
      base + "/createapikey", on: router,
      [(.post, ScrubbeProblems.creating.answering(CreateScrubbeKey(keys: keys).respond))])
    routes.serve(
      base + "/apikeys", on: router, [(.get, problems.answering(ListScrubbeKeys(keys: keys).respond))])
    routes.serve(
      base + "/:id/rotate", on: router, [(.post, problems.answering(RotateScrubbeKey(keys: keys).respond))])
    routes.serve(
      base + "/:id/revoke", on: router, [(.post, problems.answering(RevokeScrubbeKey(keys: keys).respond))])
    routes.serve(
      base + "/:id", on: router, [(.delete, problems.answering(DeleteScrubbeKey(keys: keys).respond))])
  }

  private func serveRuntime(on router: Router<KeymeterRequestContext>, _ routes: inout RouteTable) {
    let calls: [(path: String, method: HTTPRequest.Method, handler: RouteHandler)] = [
      ("/api/v1/usage", .get, Usage(meter: meter).respond),
      ("/api/v1/usage/reserve", .post, Reserve(meter: meter).respond),
      ("/api/v1/usage/settle", .post, Settle(meter: meter).respond),
      ("/api/v1/usage/record", .post, Record(meter: meter).respond),
      ("/api/v1/usage-analytics", .post, UsageAnalytics(meter: meter).respond),
      ("/api/v1/audit", .get, Audit(audit: audit).respond),
      ("/api/v1/leaks/github", .post, ReportGitHubLeaks(leaks: leaks).respond),
    ]
    for call in calls {
      routes.serve(call.path, on: router, [(call.method, RuntimeProblems.answering(call.handler))])
    }
  }
}

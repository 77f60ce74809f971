public import Hummingbird
public import KeymeterDomain

/// All that the service answers over HTTP.
public struct KeymeterRouter: Sendable {
  private let keys: KeyService
  private let readiness: @Sendable () async -> Readiness

  /// A router over the domain's services.
  ///
  /// - Parameter readiness: says whether this node can work; must itself answer in bounded time.
  public init(keys: KeyService, readiness: @escaping @Sendable () async -> Readiness) {
    self.keys = keys
    self.readiness = readiness
  }

  /// The responder that an application or a test serves.
  public func responder() -> RouterResponder<KeymeterRequestContext> {
    // The table is made first, on a router of its own, because a router's middlewares take effect only on
    // the routes that are added after them.
    let routes = serveAll(on: Router(context: KeymeterRequestContext.self))
    let router = Router(context: KeymeterRequestContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: IdentifyRequest())
    router.add(middleware: AnswerUnrouted(routes: routes))
    _ = serveAll(on: router)
    return router.buildResponder()
  }

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
    let health = HealthRoutes(readiness: readiness)
    routes.serve("/health/live", on: router, [(.get, health.live)])
    routes.serve("/health/ready", on: router, [(.get, health.ready)])
    return routes
  }
}

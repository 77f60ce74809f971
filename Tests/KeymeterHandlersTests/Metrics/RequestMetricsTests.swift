import HTTPTypes
import Hummingbird
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import PrometheusMetrics
import Testing

@testable import KeymeterHandlers

@Suite("Request metrics")
struct RequestMetricsTests {
  /// The changes that one response of a route causes.
  private static func answered(_ route: String, _ method: String, _ status: Int) -> [String: Double] {
    [
      #"keymeter_http_requests_total{route="\#(route)",method="\#(method)",status="\#(status)"}"#: 1,
      #"keymeter_http_request_duration_seconds_count{route="\#(route)",method="\#(method)"}"#: 1,
    ]
  }

  private static func failed(_ reason: String) -> [String: Double] {
    [#"keymeter_authentication_failures_total{reason="\#(reason)",counted="no"}"#: 1]
  }

  @Test("Each response counts once by route template, method and status, and HEAD counts as GET")
  func routes() async throws {
    let measured = try await MeasuredService()
    let home = measured.service.home
    let child = try await measured.service.child()
    let base = "/api/v1/apikey"
    func scrubbe(_ method: HTTPRequest.Method, _ path: String, json: String? = nil) -> Call {
      .runtime(method, base + path, by: home.root, json: json)
    }
    let calls: [(call: Call, route: String, method: String, status: Int)] = [
      (.scrubs(.get, by: home.credentials), Call.path, "GET", 200),
      (.scrubs(.head, by: home.credentials), Call.path, "GET", 200),
      (.scrubs(.post, by: home.credentials, json: #"{"friendly_name":"T"}"#), Call.path, "POST", 201),
      (.scrubs(.put, by: home.credentials, json: "{}"), Call.path, "PUT", 400),
      (.scrubs(.delete, query: "?id=key_0", by: home.credentials), Call.path, "DELETE", 404),
      (scrubbe(.get, "/apikeys"), base + "/apikeys", "GET", 200),
      (scrubbe(.post, "/\(child.key.id.rawValue)/rotate"), base + "/{id}/rotate", "POST", 200),
      (scrubbe(.post, "/\(child.key.id.rawValue)/revoke"), base + "/{id}/revoke", "POST", 200),
      (scrubbe(.delete, "/\(child.key.id.rawValue)"), base + "/{id}", "DELETE", 200),
      (.runtime(.get, "/api/v1/usage", by: home.root), "/api/v1/usage", "GET", 200),
      (Call(.get, "/health/live"), "/health/live", "GET", 200),
      (Call(.get, "/health/ready"), "/health/ready", "GET", 503),
      (Call(.get, "/openapi.json"), "/openapi.json", "GET", 200),
      (Call(.get, "/metrics"), "/metrics", "GET", 200),
      (Call(.get, "/nothing/here"), "unrouted", "any", 404),
      (Call(.patch, "/api/v1/usage"), "unrouted", "any", 405),
    ]
    for (call, route, method, status) in calls {
      let moved = try await measured.moved(by: call, status: status)
      #expect(moved == Self.answered(route, method, status), "\(call.method) \(call.uri)")
    }
  }

  @Test("A verification counts by its path, with any method, and by its outcome")
  func verification() async throws {
    let measured = try await MeasuredService()
    let key = try await measured.service.key()
    let admitted = [#"keymeter_admissions_total{call="verify",outcome="admitted",dimension=""}"#: 1.0]
    for (method, path, route) in [
      (HTTPRequest.Method.get, "/api/v1/verify", "/api/v1/verify"),
      (.post, "/api/v1/verify?tokens=1", "/api/v1/verify"),
      (.put, "/api/v1/verify/orders/7?x=1", "/api/v1/verify/*"),
    ] {
      let moved = try await measured.moved(by: .runtime(method, path, by: key), status: 200)
      #expect(moved == Self.answered(route, "any", 200).merging(admitted) { $1 })
    }
  }

  @Test("A request that fails before admission counts as no admission")
  func undecided() async throws {
    let measured = try await MeasuredService()
    let key = try await measured.service.key()
    let route = "/api/v1/verify"
    var moved = try await measured.moved(by: .verify("?scopes=a", by: key), status: 400)
    #expect(moved == Self.answered(route, "any", 400))
    moved = try await measured.moved(by: Call(.get, route), status: 401)
    #expect(
      moved == Self.answered(route, "any", 401).merging(Self.failed("credentials_missing")) { $1 })
    moved = try await measured.moved(by: Call(.get, route).with(.apiKeyHeader, "sk_live_x"), status: 401)
    #expect(moved == Self.answered(route, "any", 401).merging(Self.failed("malformed_key")) { $1 })
  }

  @Test("An unexpected failure counts as 500")
  func unexpected() async throws {
    struct Odd: Error {}
    let measured = try await MeasuredService()
    measured.service.store.fail(with: Odd())
    let credentials = measured.service.home.credentials
    let moved = try await measured.moved(by: .scrubs(.get, by: credentials), status: 500)
    #expect(moved == Self.answered(Call.path, "GET", 500))
  }

  @Test("An error without a mapping counts by the status Hummingbird gives it")
  func thrown() async throws {
    struct Odd: Error {}
    let registry = PrometheusRegistry(MetricCatalogue.all)
    let router = Router(context: KeymeterRequestContext.self)
    var table = RouteTable(metrics: ServiceMetrics(factory: registry) { "" })
    table.serve("/known", on: router, [(.get, { _, _ in throw HTTPError(.contentTooLarge) })])
    table.serve("/odd", on: router, [(.get, { _, _ in throw Odd() })])
    let before = Scrape(registry.text())
    try await Application(router: router).test(.router) { client in
      for (path, status) in [("/known", HTTPResponse.Status.contentTooLarge), ("/odd", .internalServerError)]
      {
        try await client.execute(uri: path, method: .get) { #expect($0.status == status) }
      }
    }
    let moved = Scrape(registry.text()).counts(since: before)
    #expect(
      moved == Self.answered("/known", "GET", 413).merging(Self.answered("/odd", "GET", 500)) { $1 })
  }

  @Test("The 500 and 503 series of every route exist from the start, so the first increase is visible")
  func fromTheStart() async throws {
    let measured = try await MeasuredService()
    let samples = measured.scrape.samples
    let routes = Set(samples.keys.filter { $0.hasPrefix("keymeter_http_request_duration_seconds_count") })
    #expect(routes.count > 20)
    for series in routes {
      let labels = series.drop { $0 != "{" }.dropLast()
      for status in [500, 503] {
        #expect(samples["keymeter_http_requests_total\(labels),status=\"\(status)\"}"] == 0)
      }
    }
  }

  @Test("A duration falls into its bucket")
  func durations() {
    let registry = PrometheusRegistry(MetricCatalogue.all)
    let route = ServiceMetrics(factory: registry) { "" }.route("/a/:id", "GET")
    for nanoseconds: Int64 in [400_000, 1_000_000, 20_000_000_000] {
      route.answered(200, after: nanoseconds)
    }
    let scrape = Scrape(registry.text())
    func bucket(_ bound: String) -> Double {
      scrape[
        #"keymeter_http_request_duration_seconds_bucket{route="/a/{id}",method="GET",le="\#(bound)"}"#]
    }
    #expect([bucket("0.0005"), bucket("0.001"), bucket("10"), bucket("+Inf")] == [1, 2, 2, 3])
    #expect(
      scrape[#"keymeter_http_request_duration_seconds_sum{route="/a/{id}",method="GET"}"#] == 20.0014)
  }

  @Test("An unexpected status counts as other")
  func otherStatus() {
    let registry = PrometheusRegistry(MetricCatalogue.all)
    let route = ServiceMetrics(factory: registry) { "" }.route("/a", "GET")
    for status in [418, 599, 200, 418] { route.answered(status, after: 1) }
    let scrape = Scrape(registry.text())
    #expect(scrape[#"keymeter_http_requests_total{route="/a",method="GET",status="other"}"#] == 3)
    #expect(scrape[#"keymeter_http_requests_total{route="/a",method="GET",status="200"}"#] == 1)
  }

  @Test("No client input, tenant or key appears in the metrics")
  func noClientsWords() async throws {
    let measured = try await MeasuredService()
    let home = measured.service.home
    let key = try await measured.service.key()
    let before = measured.scrape.samples.count
    for method: HTTPRequest.Method in [.get, .post, .patch, .init("MARKED") ?? .get] {
      for path in [
        "/marked", "/api/v1/marked", "/api/v1/apikey/marked", "/metrics/marked", "/api/v1/verify/marked",
      ] {
        var call = Call(method, path + "?marked=marked").with(.apiKeyHeader, key.secret.revealed)
        call.headers[.requestIDHeader] = "marked"
        call.headers[.userAgent] = "marked"
        _ = try? await measured.send(call)
      }
    }
    _ = try await measured.send(.scrubs(.get, by: home.credentials))
    let text = measured.registry.text()
    for word in [
      "marked", "MARKED", "home", key.key.id.rawValue, key.key.organisationID.rawValue,
      String(key.secret.revealed.dropFirst(8).prefix(32)), "192.0.2.1",
    ] {
      #expect(!text.contains(word), "\(word)")
    }
    // 200, 401, 404 and 405 of a few routes.
    #expect(measured.scrape.samples.count < before + 10)
  }

  @Test("GET /metrics needs no authentication, and its text can't be cached")
  func metrics() async throws {
    let measured = try await MeasuredService()
    let answer = try await measured.send(Call(.get, "/metrics"))
    #expect(answer.status == 200)
    #expect(answer.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
    #expect(answer.headers[.cacheControl] == "no-store")
    #expect(answer.text.hasPrefix("# HELP keymeter_admissions_total "))
    #expect(answer.text.hasSuffix("\n"))
    #expect(try await measured.send(Call(.head, "/metrics")).bytes.isEmpty)
    #expect(try await measured.send(Call(.post, "/metrics")).status == 405)
  }
}

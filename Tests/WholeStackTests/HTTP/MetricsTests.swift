import AsyncHTTPClient
import FoundationEssentials
import KeymeterDomain
import KeymeterHandlers
import KeymeterTesting
import NIOHTTP1
import Postgres
import PrometheusMetrics
import Testing

@Suite("Metrics of a real server", .timeLimit(.minutes(10)))
struct MetricsTests {
  @Test("After traffic of every kind the metrics are complete and exact, and promtool finds no fault")
  func everything() async throws {
    let begun = Date().timeIntervalSince1970
    try await Node.with { node, database in
      let root = try await Node.organisation("clinic", on: database)
      let child = try await node.child(of: root, #""usage_limit":30"#)
      try await withClient(connections: 20) { client in
        let statuses = try await concurrently(40) { _ in try await node.verify(child, via: client).status }
        #expect(statuses.count { $0 == 200 } == 30 && statuses.count { $0 == 429 } == 10)
        // The client still holds its connections.
        let scrape = try await node.scrape(via: client)
        #expect((1...21).contains(scrape["keymeter_connections"]))
      }
      #expect(try await node.verify(child, "?nonsense=1").status == 400)
      #expect(try await send(.GET, node.baseURL + "/api/v1/verify").status == 401)
      #expect(try await send(.GET, node.baseURL + "/clinic").status == 404)
      #expect(try await node.post("usage/reserve", root, #"{"requests":1,"hold_secs":1}"#).status == 201)
      let scrape = try await eventually("the reservation to expire and each job to run") {
        let scrape = try await node.scrape()
        let jobs = ["expire_reservations", "make_partitions", "purge", "count_pepper_keys"]
        let haveRun = jobs.allSatisfy { scrape["keymeter_job_runs_total{name=\"\($0)\"}"] > 0 }
        return haveRun && scrape["keymeter_reservations_expired_total"] == 1 ? scrape : nil
      }

      let text = try await send(.GET, node.baseURL + "/metrics")
      #expect(text.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
      #expect(try await Promtool.faults(of: text.body) == "")
      #expect(Set(scrape.types.keys) == Set(MetricCatalogue.all.map(\.name)))
      expectCounts(scrape)
      expectGauges(scrape, since: begun)
      for word in ["clinic", child.keyID, root.keyID, "127.0.0.1", "nonsense"] {
        #expect(!text.body.contains(word))
      }
    }
  }

  private func expectCounts(_ scrape: Scrape) {
    func responses(_ route: String, _ method: String, _ status: Int) -> Double {
      scrape[#"keymeter_http_requests_total{route="\#(route)",method="\#(method)",status="\#(status)"}"#]
    }
    #expect(responses("/api/v1/verify", "any", 200) == 30)
    #expect(responses("/api/v1/verify", "any", 429) == 10)
    #expect(responses("/api/v1/verify", "any", 400) == 1)
    #expect(responses("/api/v1/verify", "any", 401) == 1)
    #expect(responses("unrouted", "any", 404) == 1)
    #expect(responses("/api/v1/api-key", "POST", 201) == 1)
    #expect(responses("/api/v1/usage/reserve", "POST", 201) == 1)
    #expect(
      scrape[#"keymeter_http_request_duration_seconds_count{route="/api/v1/verify",method="any"}"#] == 42)
    func decisions(_ call: String, _ outcome: String, _ dimension: String) -> Double {
      scrape[
        #"keymeter_admissions_total{call="\#(call)",outcome="\#(outcome)",dimension="\#(dimension)"}"#]
    }
    #expect(decisions("verify", "admitted", "") == 30)
    #expect(decisions("verify", "over_limit", "requests") == 10)
    #expect(decisions("reserve", "admitted", "") == 1)
    #expect(scrape["keymeter_admission_batch_size_sum"] == 40, "each verification is in one batch")
    #expect((1...40).contains(scrape["keymeter_admission_batch_size_count"]))
    #expect(scrape["keymeter_admission_queue_wait_seconds_count"] == 40)
    #expect(
      scrape[#"keymeter_authentication_failures_total{reason="credentials_missing",counted="no"}"#] == 1)
  }

  private func expectGauges(_ scrape: Scrape, since begun: Double) {
    #expect(scrape["keymeter_ready"] == 1)
    #expect(scrape["keymeter_usage_partitions_ahead"] == 3)
    #expect(scrape["keymeter_keys_to_rehash"] == 0)
    #expect(scrape["keymeter_admission_queue_depth"] == 0)
    #expect(scrape["keymeter_admission_queue_limit"] == 8_192)
    #expect(scrape["keymeter_connections_limit"] > 0)
    let now = Date().timeIntervalSince1970
    #expect((begun...now).contains(scrape["process_start_time_seconds"]))
    #expect(
      (begun...now).contains(
        scrape[#"keymeter_job_last_success_timestamp_seconds{name="expire_reservations"}"#]))
    let builds = scrape.samples.filter { $0.key.hasPrefix("keymeter_build_info{version=\"") }
    #expect(builds.map(\.value) == [1])
    for (pool, limit) in [("general", 8.0), ("admission", 2), ("analytics", 2), ("readiness", 1)] {
      #expect(scrape["keymeter_pool_connections_limit{pool=\"\(pool)\"}"] == limit)
      #expect(scrape["keymeter_pool_waiting{pool=\"\(pool)\"}"] == 0)
    }
  }

  @Test("Queued verifications and callers that wait for a connection are counted while they wait")
  func waiting() async throws {
    let environment = ["KEYMETER_ADMISSION_LANES": "1", "KEYMETER_DATABASE_CONNECTIONS": "2"]
    try await Node.with(environment: environment) { node, database in
      let root = try await Node.organisation("clinic", on: database)
      #expect(try await node.verify(root).status == 200)
      try await withClient(connections: 20) { client in
        try await database.withPool { pool in
          try await CounterLock.hold(CounterLock.lock(root), on: pool) { end in
            async let verified = concurrently(5) { _ in
              await node.attemptVerify(root, via: client)
            }
            async let recorded = concurrently(5) { _ in
              await node.attemptPost("usage/record", root, #"{"requests":1}"#, via: client)
            }
            _ = try await eventually("the waiting requests to be counted") {
              let scrape = try await node.scrape()
              return scrape["keymeter_admission_queue_depth"] == 4
                && scrape[#"keymeter_pool_connections{pool="general",state="leased"}"#] == 2
                && scrape[#"keymeter_pool_connections{pool="admission",state="leased"}"#] == 1
                && scrape[#"keymeter_pool_waiting{pool="general"}"#] >= 3 ? true : nil
            }
            try await end()
            _ = try await (verified, recorded)
          }
        }
      }
      _ = try await eventually("the queues to be empty") {
        let scrape = try await node.scrape()
        return scrape["keymeter_admission_queue_depth"] == 0
          && scrape[#"keymeter_pool_waiting{pool="general"}"#] == 0
          && scrape[#"keymeter_pool_connections{pool="general",state="leased"}"#] == 0 ? true : nil
      }
    }
  }

  @Test("A failing job is counted, and the time of its last success does not change")
  func failingJob() async throws {
    try await Node.with { node, database in
      try await database.withPool { pool in
        try await pool.withConnection {
          try await $0.executeScript(
            "REVOKE EXECUTE ON FUNCTION keymeter.expire_reservations(integer) FROM keymeter_app")
        }
      }
      let failures = #"keymeter_job_failures_total{name="expire_reservations"}"#
      let success = #"keymeter_job_last_success_timestamp_seconds{name="expire_reservations"}"#
      let first = try await eventually("the job to fail") {
        let scrape = try await node.scrape()
        return scrape[failures] > 0 ? scrape : nil
      }
      _ = try await eventually("the job to fail again") {
        try await node.scrape()[failures] > first[failures] ? true : nil
      }
      #expect(try await node.scrape()[success] == first[success])
    }
  }

  @Test("Open and rejected connections are counted")
  func connections() async throws {
    try await Node.with(environment: ["KEYMETER_CONNECTIONS": "3"]) { node, _ in
      let held = try await RawConnection.open(3, port: node.port)
      for connection in held {
        try await connection.send("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        try await connection.untilResponses(1)
      }
      for _ in 0..<2 { _ = try await RawConnection.open(port: node.port).untilClosed() }
      try await held[0].send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      let scrape = Scrape(try await held[0].untilClosed())
      #expect(scrape["keymeter_connections_rejected_total"] == 2)
      #expect(scrape["keymeter_connections_limit"] == 3)
      #expect((3...5).contains(scrape["keymeter_connections"]))
    }
  }

  @Test("Keys that need another pepper than the current one are counted")
  func pepperKeys() async throws {
    let new = "new:Y29ycmVjdGhvcnNlYmF0dGVyeXN0YXBsZWNvcnJlY3Q="
    try await TestDatabase.withMigrated { database in
      for provider in ["one", "two"] { _ = try await Node.organisation(provider, on: database) }
      let environment = ["KEYMETER_PEPPERS": "\(new),\(Node.peppers)"]
      try await Node.with(on: database, environment: environment) { node in
        _ = try await eventually("the keys to be counted") {
          try await node.scrape()["keymeter_keys_to_rehash"] == 2 ? true : nil
        }
      }
    }
  }
}

extension Node {
  /// Reads the metrics.
  func scrape(via client: HTTPClient = .shared) async throws -> Scrape {
    Scrape(try await send(.GET, baseURL + "/metrics", via: client).body)
  }
}

import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Logging
import Testing

@testable import KeymeterHandlers

@Suite("The request log")
struct RequestLogTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00f067aa0ba902b7"

  private func traced(_ call: Call, _ value: String? = "00-\(trace)-\(parent)-01") throws -> Call {
    call.with(.requestIDHeader, "mine").with(try #require(HTTPField.Name("traceparent")), value)
  }

  private func expectLine(
    _ log: RecordedLog, _ expected: [String: String], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let line = try #require(log.requests.last, sourceLocation: sourceLocation)
    var fields = line
    let time = fields.removeValue(forKey: "duration_ms")
    #expect(time?.wholeMatch(of: /\d+\.\d{3}/) != nil, sourceLocation: sourceLocation)
    fields["hb.request.id"] = nil
    #expect(fields == expected, sourceLocation: sourceLocation)
  }

  @Test("A change by a key is logged with request, trace, route, status, organisation and key")
  func management() async throws {
    let measured = try await MeasuredService()
    let root = measured.service.home.root.key
    let call = Call.scrubs(
      .post, by: measured.service.home.credentials, json: #"{"friendly_name":"Till"}"#)
    _ = try await measured.send(traced(call))
    try expectLine(
      measured.log,
      [
        "request_id": "mine", "trace_id": Self.trace, "parent_id": Self.parent, "route": Call.path,
        "method": "POST", "status": "201", "organisation_id": root.organisationID.rawValue,
        "key_id": root.id.rawValue,
      ])
    #expect(measured.log.requests.count == 1)
  }

  @Test("A key without permission is logged by id, and an unauthenticated one is not")
  func rejected() async throws {
    let measured = try await MeasuredService()
    let child = try await measured.service.child()
    let credentials = measured.service.home.credentials(child.secret)
    _ = try await measured.send(.scrubs(.get, query: "?list_all=true", by: credentials))
    #expect(measured.log.requests.last?["key_id"] == child.key.id.rawValue)
    #expect(measured.log.requests.last?["status"] == "403")
    try await measured.service.store.revoke(child.key.id)
    _ = try await measured.send(.scrubs(.get, by: credentials))
    #expect(measured.log.requests.last?["status"] == "401")
    #expect(measured.log.requests.last?["key_id"] == nil)
    #expect(measured.log.requests.last?["organisation_id"] == nil)
  }

  @Test(
    "An invalid traceparent is ignored and does not change the response",
    arguments: ["00-\(trace)-\(parent)", "nonsense", "ff-\(trace)-\(parent)-01", nil])
  func malformedTrace(value: String?) async throws {
    let measured = try await MeasuredService()
    let answer = try await measured.send(
      traced(.scrubs(.get, by: measured.service.home.credentials), value))
    #expect(answer.status == 200)
    #expect(answer.headers[.requestIDHeader] == "mine")
    let line = try #require(measured.log.requests.last)
    #expect(line["request_id"] == "mine")
    #expect(line["trace_id"] == nil && line["parent_id"] == nil)
  }

  @Test("Verifications and other frequent calls are logged at debug only")
  func quiet() async throws {
    for level in [Logger.Level.info, .debug] {
      let measured = try await MeasuredService(level: level)
      let key = try await measured.service.key()
      for call in RuntimeOperation.allCases where call != .audit && call != .analytics {
        _ = try await measured.send(call.call(by: key))
      }
      for path in ["/health/live", "/metrics", "/openapi.json", "/nothing"] {
        _ = try await measured.send(Call(.get, path))
      }
      #expect(measured.log.requests.count == (level == .info ? 0 : 10))
    }
  }

  @Test("At debug every runtime call is logged with its key", arguments: RuntimeOperation.allCases)
  func runtime(operation: RuntimeOperation) async throws {
    let measured = try await MeasuredService(level: .debug)
    let root = measured.service.home.root
    let answer = try await measured.send(traced(operation.call(by: root)))
    let route = operation == .verifySubpath ? "/api/v1/verify/*" : operation.path
    let isVerify = operation == .verify || operation == .verifySubpath
    try expectLine(
      measured.log,
      [
        "request_id": "mine", "trace_id": Self.trace, "parent_id": Self.parent, "route": route,
        "method": isVerify ? "any" : operation.method.rawValue, "status": "\(answer.status)",
        "organisation_id": root.key.organisationID.rawValue, "key_id": root.key.id.rawValue,
      ])
  }

  @Test("A rejected verification is logged with its key if that is known")
  func rejectedVerification() async throws {
    let measured = try await MeasuredService(level: .debug)
    let key = try await measured.service.key(MonthlyLimits(requests: 0))
    _ = try await measured.send(.verify(by: key))
    #expect(measured.log.requests.last?["status"] == "429")
    #expect(measured.log.requests.last?["key_id"] == key.key.id.rawValue)
    _ = try await measured.send(Call(.get, Call.verifyPath))
    #expect(measured.log.requests.last?["status"] == "401")
    #expect(measured.log.requests.last?["key_id"] == nil)
  }

  @Test("Warnings during a request have the same request and trace ids")
  func warnings() async throws {
    let measured = try await MeasuredService()
    let root = measured.service.home.root
    measured.service.store.fail(with: StoreError.unavailable(reason: "gone"))
    for call in [
      RuntimeOperation.verify.call(by: root), .scrubs(.get, by: measured.service.home.credentials),
    ] {
      _ = try await measured.send(traced(call))
      let line = try #require(measured.log.lines.last { $0.level == .warning })
      #expect(line.fields["request_id"] == "mine")
      #expect(line.fields["trace_id"] == Self.trace)
    }
  }

  @Test("No log line contains a path, a query or a key")
  func secrecy() async throws {
    let measured = try await MeasuredService(level: .trace)
    let key = try await measured.service.key()
    for path in [
      "/api/v1/verify/marked", "/marked", "/api/v1/apikey/marked/rotate", "/api/v1/usage?id=marked",
    ] {
      _ = try await measured.send(.runtime(path.contains("rotate") ? .post : .get, path, by: key))
    }
    let log = measured.log.lines.map { "\($0)" }.joined()
    #expect(measured.log.requests.count == 4)
    #expect(!log.contains("marked"))
    #expect(!log.contains(String(key.secret.revealed.dropFirst(8).prefix(32))))
  }

  @Test(
    "A duration has three decimal places",
    arguments: [
      (0, "0.000"), (999, "0.000"), (1_000, "0.001"), (1_234_567, "1.234"), (61_000_000_000, "61000.000"),
    ])
  func durations(nanoseconds: Int64, text: String) {
    #expect(RequestLog.milliseconds(nanoseconds) == text)
  }
}

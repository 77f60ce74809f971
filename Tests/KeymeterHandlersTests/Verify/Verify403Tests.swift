import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Verify 403: scope and environment")
struct Verify403Tests {
  @Test(
    "A scope the key does not hold is rejected, and nothing is charged",
    arguments: [
      (held: ["incidents:read"], wanted: ["incidents:write"]), (["incidents:read"], ["incidents:*"]),
      (["incidents:*"], ["*"]), (["incidents:*"], ["incidents"]), (["incidents:*"], ["incidentsx:read"]),
      (["incidents"], ["incidents:read"]), (["incidents:read"], ["incidents:READ"]),
      (["incidents:read"], ["incidents:rea"]), (["a", "b"], ["a", "b", "c"]), (["a", "b"], ["c", "a", "b"]),
      (["a:b:*"], ["a:c"]), (["a:b:*"], ["a:*"]),
    ])
  func scope(held: [String], wanted: [String]) async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 5), scopes: held)
    let query = "?tokens=3&" + wanted.map { "scope=\($0)" }.joined(separator: "&")
    let answer = try await service.askRejected(.verify(query, by: key))
    try expectProblem(answer, 403, code: "scope_missing")
    #expect(answer.headers[values: .reasonHeader] == ["scope_missing"])
    #expect(try await service.used(by: key) == .zero)
  }

  @Test(
    "A key that holds all required scopes is admitted",
    arguments: [
      (held: ["*"], wanted: ["a", "b:c", "b:*", "*"]),
      (["incidents:*"], ["incidents:read", "incidents:x:y"]),
      (["incidents:*"], ["incidents:*"]), (["a", "b"], ["b", "a"]), (["a", "b"], ["a", "a"]),
      (["a:b:*"], ["a:b:c"]),
    ])
  func holds(held: [String], wanted: [String]) async throws {
    let service = try await Service()
    let key = try await service.key(scopes: held)
    let query = "?" + wanted.map { "scope=\($0)" }.joined(separator: "&")
    #expect(try await service.ask(.verify(query, by: key)).status == 200)
  }

  @Test(
    "A key of another environment is rejected, and nothing is charged", arguments: KeyEnvironment.allCases,
    KeyEnvironment.allCases)
  func environment(of held: KeyEnvironment, wanted: KeyEnvironment) async throws {
    let service = try await Service()
    let key = try await service.key(environment: held)
    let call = Call.verify("?environment=\(wanted.rawValue)", by: key)
    guard held != wanted else {
      #expect(try await service.ask(call).status == 200)
      return
    }
    let answer = try await service.askRejected(call)
    try expectProblem(answer, 403, code: "environment_mismatch")
    #expect(answer.headers[values: .reasonHeader] == ["environment_mismatch"])
    #expect(try await service.used(by: key) == .zero)
  }

  @Test("deny_status changes neither these nor 401")
  func denyStatus() async throws {
    let service = try await Service()
    let key = try await service.key(scopes: ["a"])
    for status in [403, 429] {
      #expect(try await service.askRejected(.verify("?deny_status=\(status)&scope=b", by: key)).status == 403)
      let stranger = Call.verify("?deny_status=\(status)", by: key).asScrubs(provider: "neighbour")
      #expect(try await service.askRejected(stranger).status == 401)
    }
  }
}

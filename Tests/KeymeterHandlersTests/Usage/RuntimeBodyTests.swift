import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Runtime 400, 413 and 415: invalid bodies")
struct RuntimeBodyTests {
  private static let metering: [RuntimeOperation] = [.reserve, .settle, .record]

  @Test(
    "An amount that is not an integer from 0 to 2^53 − 1 is rejected by name, and nothing is counted",
    arguments: metering, ["requests", "tokens", "stt_secs"])
  func badAmount(operation: RuntimeOperation, name: String) async throws {
    let service = try await Service()
    for value in [
      "-1", "1.5", "9007199254740992", "9223372036854775808", "1e400", "1e-1", "\"1\"", "true", "null", "[1]",
      "{}",
    ] {
      let answer = try await service.askRejected(
        call(operation, #""\#(name)":\#(value)"#, by: service.home.root))
      try expectProblem(
        answer, 400, code: "body_invalid", fields: [name], "\(value)")
    }
  }

  @Test("All spellings of a number are accepted", arguments: ["7", "7.0", "70e-1", "0.7e1"])
  func spelling(value: String) async throws {
    let service = try await Service()
    let key = try await service.key()
    #expect(try await service.record(#"{"tokens":\#(value)}"#, by: key).status == 200)
    #expect(try await service.used(by: key) == Amounts(tokens: 7))
  }

  @Test(
    "An unknown member is rejected, and nothing is counted",
    arguments: RuntimeOperation.withBody, ["token", "Tokens", "request", "sttSecs", "", "tokens ", "scope"])
  func unknownMember(operation: RuntimeOperation, name: String) async throws {
    let service = try await Service()
    // A reservation of zero amounts would be rejected anyway.
    let amount = operation == .reserve ? #""requests":1,"# : ""
    let answer = try await service.askRejected(
      call(operation, #"\#(amount)"\#(name)":1"#, by: service.home.root))
    try expectProblem(
      answer, 400, code: "body_invalid", fields: [RedactedName.of(name)])
  }

  @Test(
    "A body that is not a JSON object is rejected, and nothing is counted",
    arguments: RuntimeOperation.withBody,
    ["", "{", "null", "[]", "{\"requests\":1,\"requests\":1}"])
  func noObject(operation: RuntimeOperation, json: String) async throws {
    let service = try await Service()
    let answer = try await service.askRejected(
      .runtime(.post, operation.path, by: service.home.root, json: json))
    try expectProblem(answer, 400, code: "body_invalid", fields: [""])
  }

  @Test(
    "A body that is not declared as JSON gets 415", arguments: RuntimeOperation.withBody,
    [nil, "text/plain", "application/problem+json"])
  func mediaType(operation: RuntimeOperation, contentType: String?) async throws {
    let service = try await Service()
    let answer = try await service.askRejected(
      operation.call(by: service.home.root).with(.contentType, contentType))
    try expectProblem(answer, 415, code: "unsupported_media_type")
  }

  @Test("65,536 bytes are read, and 65,537 get 413", arguments: RuntimeOperation.withBody)
  func length(operation: RuntimeOperation) async throws {
    let service = try await Service()
    let call = operation.call(by: service.home.root)
    let body = try #require(call.body)
    let padding: (Int) -> [UInt8] = { length in body + Array(repeating: 0x20, count: length - body.count) }
    #expect(try await service.ask(call.sending(padding(65_536))).status == operation.status)
    let answer = try await service.askRejected(call.sending(padding(65_537)))
    try expectProblem(answer, 413, code: "body_too_large")
  }

  /// A call that is valid except for one extra member.
  private func call(_ operation: RuntimeOperation, _ member: String, by key: IssuedKey) -> Call {
    let right =
      switch operation {
      case .settle: #""reservation_id":"rsv_0","#
      case .analytics: #""start_date":"2024-01-15","end_date":"2024-01-15","#
      default: ""
      }
    return .runtime(.post, operation.path, by: key, json: "{\(right)\(member)}")
  }
}

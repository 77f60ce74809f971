import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 401: API key authentication failed")
struct Scrubs401Tests {
  @Test(
    "A missing or empty credential header is rejected", arguments: ScrubsOperation.allCases,
    [HTTPField.Name.keyHeader, .providerHeader])
  func missing(operation: ScrubsOperation, header: HTTPField.Name) async throws {
    let service = try await Service()
    let call = operation.call(by: service.home.credentials, on: try await service.child().key.id)
    for value in [nil, ""] {
      try expectRejection(try await service.send(call.with(header, value)))
    }
  }

  @Test(
    "A repeated credential header is rejected, even with correct values",
    arguments: ScrubsOperation.allCases, [HTTPField.Name.keyHeader, .providerHeader])
  func repeated(operation: ScrubsOperation, header: HTTPField.Name) async throws {
    let service = try await Service()
    let call = operation.call(by: service.home.credentials, on: try await service.child().key.id)
    let value = try #require(call.headers[header])
    try expectRejection(try await service.send(call.adding(header, value)))
    try expectRejection(try await service.send(call.adding(header, "")))
    try expectRejection(try await service.send(call.adding(header, "other")))
  }

  @Test("A key outside its header never authenticates")
  func elsewhere() async throws {
    let service = try await Service()
    let secret = service.home.root.secret.revealed
    let call = Call.scrubs(.get, by: service.home.credentials).with(.keyHeader, nil)
    var inQuery = call
    inQuery.uri += "?X-Scrubs-Clinic-Api-Key=\(secret)&api_key=\(secret)"
    let elsewhere = [
      call.with(.authorization, "Bearer \(secret)"), call.with(.apiKeyHeader, secret),
      call.with(.cookie, "X-Scrubs-Clinic-Api-Key=\(secret)"), inQuery,
    ]
    for call in elsewhere { try expectRejection(try await service.send(call)) }
  }

  @Test("A well-formed key that was never issued is rejected", arguments: ScrubsOperation.allCases)
  func neverIssued(operation: ScrubsOperation) async throws {
    let service = try await Service()
    var random = RandomSource.seeded(1)
    for environment in KeyEnvironment.allCases {
      let secret = KeySecret(environment: environment, random: &random)
      try await expectRejection(of: service.home.credentials(secret), operation, in: service)
    }
  }

  @Test("Another tenant's key is rejected, root or child", arguments: ScrubsOperation.allCases)
  func otherTenant(operation: ScrubsOperation) async throws {
    let service = try await Service()
    let child = try await service.child(of: service.neighbour)
    for issued in [service.neighbour.root, child] {
      try await expectRejection(of: service.home.credentials(issued.secret), operation, in: service)
    }
  }

  @Test("A key is rejected from the second of its expiry on")
  func expired() async throws {
    let service = try await Service()
    let credentials = service.home.credentials(try await service.child(expiresIn: 60).secret)
    service.clock.advance(seconds: 59)
    #expect(try await service.send(.scrubs(.get, by: credentials)).status == 200)
    service.clock.advance(seconds: 1)
    for operation in ScrubsOperation.allCases {
      try await expectRejection(of: credentials, operation, in: service)
    }
  }

  @Test("A deleted key is rejected at once by every call")
  func deleted() async throws {
    let service = try await Service()
    let child = try await service.child()
    #expect(try await service.asRoot(.delete, query: "?id=\(child.key.id.rawValue)").status == 200)
    for operation in ScrubsOperation.allCases {
      try await expectRejection(of: service.home.credentials(child.secret), operation, in: service)
    }
  }

  @Test("A revoked key and an unknown one get identical responses")
  func indistinguishable() async throws {
    let service = try await Service()
    let child = try await service.child()
    _ = try await service.keys.revoke(
      child.key.id, by: service.home.credentials)
    var random = RandomSource.seeded(2)
    let unknownKey = KeySecret(environment: .production, random: &random)
    for operation in ScrubsOperation.allCases {
      let answers = [child.secret, unknownKey].map { secret in
        operation.call(by: service.home.credentials(secret), on: child.key.id).with(.requestIDHeader, "same")
      }
      let first = try await service.send(answers[0])
      let second = try await service.send(answers[1])
      #expect(first.status == 401 && first.bytes == second.bytes)
      #expect(first.headers == second.headers)
    }
  }

  @Test("A malformed key is rejected")
  func malformed() async throws {
    let service = try await Service()
    let right = service.home.root.secret.revealed
    let flipped = right.dropLast() + (right.hasSuffix("0") ? "1" : "0")
    let wrong = [
      "x", String(right.dropLast()), right + "0", String(flipped), right.uppercased(), "Bearer " + right,
      "\(right), \(right)", "\"\(right)\"", String(repeating: "k", count: 10_000), "sk_live_",
      right.replacing("sk_live_", with: "sk_dev_"),
    ]
    for key in wrong {
      try expectRejection(
        try await service.send(.scrubs(.get, by: service.home.credentials).with(.keyHeader, key)))
    }
  }

  private func expectRejection(
    of credentials: Credentials, _ operation: ScrubsOperation, in service: Service,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let before = try await service.keysOfHome().map(\.id)
    let target = try #require(before.last)
    let answer = try await service.send(operation.call(by: credentials, on: target))
    try expectRejection(answer, sourceLocation: sourceLocation)
    #expect(try await service.keysOfHome().map(\.id) == before, sourceLocation: sourceLocation)
  }

  private func expectRejection(_ answer: Answer, sourceLocation: SourceLocation = #_sourceLocation) throws {
    try expectProblem(
      answer, 401, code: "authentication_failed", title: "API key authentication failed.",
      sourceLocation: sourceLocation)
    #expect(
      answer.headers[values: .wwwAuthenticate] == ["ApiKey realm=\"keymeter\""],
      sourceLocation: sourceLocation)
  }
}

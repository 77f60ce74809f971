import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Leaks reported by GitHub: rejected reports change nothing")
struct GitHubLeakRejectionTests {
  /// A fault in the signature of a report that names a key.
  enum Fault: CaseIterable, Sendable {
    case noIdentifier, noSignature, twoSignatures, noBase64, mixedSpellings
    case otherKey, otherBody, trailingLineEnd, truncated, empty, unknownSigner

    var code: String {
      switch self {
      case .noIdentifier, .noSignature, .twoSignatures, .noBase64, .mixedSpellings, .empty:
        "signature_missing"
      case .unknownSigner: "signature_key_unknown"
      case .otherKey, .otherBody, .trailingLineEnd, .truncated: "signature_invalid"
      }
    }

    func spoil(_ call: Call, by gitHub: GitHubSigner) throws -> Call {
      let body = call.body ?? []
      let signature = call.headers[.gitHubSignatureHeader] ?? ""
      return switch self {
      case .noIdentifier: call.with(.gitHubIdentifierHeader, nil)
      case .noSignature: call.with(.gitHubSignatureHeader, nil)
      case .twoSignatures: call.adding(.gitHubSignatureHeader, signature)
      case .noBase64: call.with(.gitHubSignatureHeader, "?")
      case .mixedSpellings:
        call.with(.otherGitHubSignatureHeader, signature).with(.gitHubSignatureHeader, nil)
      case .otherKey:
        call.with(.gitHubSignatureHeader, try GitHubSigner().signature(of: body))
      case .otherBody:
        call.with(.gitHubSignatureHeader, try gitHub.signature(of: Array("[]".utf8)))
      case .trailingLineEnd: call.sending(body + [0x0A])
      case .truncated: call.with(.gitHubSignatureHeader, String(signature.prefix(44)))
      case .empty: call.with(.gitHubSignatureHeader, "")
      case .unknownSigner: call.with(.gitHubIdentifierHeader, "f00")
      }
    }
  }

  @Test(
    "A missing, foreign or mismatched signature gets 401, with a code for each",
    arguments: Fault.allCases)
  func signature(fault: Fault) async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let logged = service.store.auditLog
    let call = try gitHub.report(of: [service.home.root.secret.revealed])
    let answer = try await service.send(fault.spoil(call, by: gitHub))
    try expectProblem(answer, 401, code: fault.code)
    #expect(answer.headers[values: .wwwAuthenticate] == [#"GitHub-Signature realm="keymeter""#])
    #expect(service.store.auditLog == logged)
    #expect(try await service.asRoot(.get).status == 200)
    #expect(try await service.send(call).status == 200, "only the signature was wrong")
  }

  @Test("Without a configured GitHub key every report gets 404, even a signed one")
  func notConfigured() async throws {
    let service = try await Service()
    let call = try GitHubSigner().report(of: [service.home.root.secret.revealed])
    try expectProblem(try await service.send(call), 404, code: "path_not_found")
    #expect(try await service.asRoot(.get).status == 200)
  }

  @Test(
    "A signed report with an invalid body gets 400 with the field",
    arguments: [
      ("{}", ""), ("nonsense", ""), ("", ""), ("[1]", "[0]"), (#"[{"type":"t"}]"#, "[0].token"),
      (#"[{"token":"a","type":"t"},{"token":"a"}]"#, "[1].type"),
      (#"[{"token":"a","type":"t"},{"token":null,"type":"t"}]"#, "[1].token"),
      (#"[{"token":"a","token":"b","type":"t"}]"#, ""),
    ])
  func body(json: String, field: String) async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    try expectProblem(
      try await service.send(gitHub.report(json)), 400, code: "body_invalid",
      fields: [field])
  }

  @Test("A report above 1 MiB or 1,000 matches gets 413, and exactly as many are accepted")
  func bounds() async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let most = Array(repeating: GitHubSigner.match("a"), count: 1_000)
    let list = { (matches: [String]) in "[" + matches.joined(separator: ",") + "]" }
    #expect(try await service.send(gitHub.report(list(most))).status == 200)
    let more = try await service.send(gitHub.report(list(most + [GitHubSigner.match("a")])))
    try expectProblem(more, 413, code: "too_many_tokens")
    let whole = "[]" + String(repeating: " ", count: 1_024 * 1_024 - 2)
    #expect(try await service.send(gitHub.report(whole)).status == 200)
    let long = try await service.send(gitHub.report(whole + " "))
    try expectProblem(long, 413, code: "body_too_large")
  }

  @Test("A body that is not declared as JSON gets 415")
  func mediaType() async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let answer = try await service.send(gitHub.report("[]").with(.contentType, "text/plain"))
    try expectProblem(answer, 415, code: "unsupported_media_type")
  }

  @Test("An unavailable store gets 503, and a retried report then revokes its keys")
  func unavailable() async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let leaked = try await service.child()
    let call = try gitHub.report(of: [leaked.secret.revealed])
    service.store.fail(with: StoreError.unavailable(reason: "gone"))
    let answer = try await service.send(call)
    try expectProblem(answer, 503, code: "unavailable")
    #expect(answer.headers[values: .retryAfterHeader] == ["1"])
    service.store.fail(with: nil)
    #expect(try await service.send(.verify(by: leaked)).status == 200)
    #expect(try await service.send(call).status == 200)
    #expect(try await service.send(.verify(by: leaked)).status == 401)
  }
}

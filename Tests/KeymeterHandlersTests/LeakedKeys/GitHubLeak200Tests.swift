import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Leaks reported by GitHub: 200")
struct GitHubLeak200Tests {
  @Test("A reported key is revoked, other keys are not, and each match gets its result in order by hash")
  func revoked() async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let leaked = try await service.child(named: "Leaked")
    let kept = try await service.child(named: "Kept")
    let tokens = ["not a key", leaked.secret.revealed, Self.unknownKey.revealed]
    let answer = try await service.send(gitHub.report(of: tokens))
    #expect(answer.status == 200)
    #expect(try answer.labels == ["false_positive", "true_positive", "false_positive"])
    #expect(try answer.lines("token_hash") == tokens.map(GitHubSigner.hash))
    #expect(try answer.lines("token_type") == Array(repeating: "keymeter_api_key", count: 3))
    #expect(answer.headers[values: .cacheControl] == ["no-store"])
    let status = Dictionary(uniqueKeysWithValues: try await service.keysOfHome().map { ($0.id, $0.status) })
    #expect(status[leaked.key.id] == .revoked && status[kept.key.id] == .active)
    #expect(try await service.send(.verify(by: leaked)).status == 401)
  }

  @Test("The audit entry names GitHub and the place of the leak, without the key")
  func logged() async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let leaked = try await service.child()
    let key = leaked.secret.revealed
    let report = """
      [{"token":"\(key)","type":"t","source":"commit","url":"https://github.com/search?q=\(key)&x=1"}]
      """
    #expect(try await service.send(gitHub.report(report).with(.requestIDHeader, "push-1")).status == 200)
    let entry = try #require(service.store.auditLog.last)
    #expect(entry.principal == .gitHub && entry.action == .keyRevoked)
    #expect(entry.target == leaked.key.id.rawValue && entry.requestID.rawValue == "push-1")
    #expect(entry.changes.map(\.field) == ["revoked_at", "leak_url", "leak_source"])
    #expect(entry.changes[1].new == .text("https://github.com/search?q=sk_live_...&x=1"))
    #expect(entry.changes[2].new == .text("commit"))
    let call = Call.runtime(.get, RuntimeOperation.audit.path + "?limit=1", by: service.home.root)
    let line = try await service.ask(call)
    #expect(line.text.contains(#""principal":{"type":"github"}"#))
  }

  @Test("A place that could corrupt a log is left out, and the key is still revoked")
  func harmfulPlaces() async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let long = String(repeating: "x", count: 2_049)
    for place in [#""url":"a\u0000b""#, #""url":"a\nb","source":7"#, #""url":"é""#, #""url":"\#(long)""#] {
      let leaked = try await service.child(named: "Leaked")
      let report = #"[{"token":"\#(leaked.secret.revealed)","type":"t",\#(place),"found_by":{"new":[]}}]"#
      #expect(try await service.send(gitHub.report(report)).status == 200)
      let entry = try #require(service.store.auditLog.last)
      #expect(entry.target == leaked.key.id.rawValue)
      #expect(entry.changes.map(\.field) == ["revoked_at"])
    }
  }

  @Test("A repeated report or a repeated key gets the same result and changes nothing more")
  func repeated() async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let leaked = try await service.child()
    let logged = service.store.auditLog.count
    for _ in 0..<2 {
      let answer = try await service.send(
        gitHub.report(of: [leaked.secret.revealed, leaked.secret.revealed]))
      #expect(try answer.labels == ["true_positive", "true_positive"])
    }
    #expect(service.store.auditLog.count == logged + 1)
  }

  @Test("A former secret is recognised and logged once, and the key's current secret stays valid")
  func former() async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let leaked = try await service.child()
    let rotation = KeyRotation(id: leaked.key.id)
    let present = try await service.keys.rotate(
      rotation, by: service.home.credentials)
    let logged = service.store.auditLog.count
    for _ in 0..<2 {
      let answer = try await service.send(gitHub.report(of: [leaked.secret.revealed]))
      #expect(try answer.labels == ["true_positive"])
    }
    #expect(try await service.send(.verify(by: present)).status == 200)
    #expect(service.store.auditLog.count == logged + 1)
    let entry = try #require(service.store.auditLog.last)
    #expect(entry.principal == .gitHub && entry.action == .keyLeakReported)
    #expect(entry.changes.map(\.field).first == "superseded_at")
    let query = "?action=key.leak_reported&target=\(leaked.key.id)"
    let line = try await service.ask(
      .runtime(.get, RuntimeOperation.audit.path + query, by: service.home.root))
    #expect(line.text.contains(#""action":"key.leak_reported""#))
  }

  @Test("A leaked root key is revoked even if it is the last one")
  func lastRoot() async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let answer = try await service.send(gitHub.report(of: [service.home.root.secret.revealed]))
    #expect(try answer.labels == ["true_positive"])
    #expect(try await service.asRoot(.get).status == 401)
    let second = try await service.secondRoot()
    #expect(second.key.status == .active)
  }

  @Test("Both spellings of the headers are accepted, and an empty report gets an empty result")
  func spelling() async throws {
    let gitHub = GitHubSigner()
    let service = try await Service(gitHub: gitHub)
    let call = try gitHub.report("[]")
    let other =
      call
      .with(.otherGitHubIdentifierHeader, call.headers[.gitHubIdentifierHeader])
      .with(.otherGitHubSignatureHeader, call.headers[.gitHubSignatureHeader])
      .with(.gitHubIdentifierHeader, nil).with(.gitHubSignatureHeader, nil)
    for call in [call, other] {
      let answer = try await service.send(call)
      #expect(answer.status == 200 && answer.text == "[]")
    }
  }

  /// A well-formed key that was never issued.
  private static var unknownKey: KeySecret {
    var random = RandomSource.system
    return KeySecret(environment: .staging, random: &random)
  }
}

extension Answer {
  fileprivate var labels: [String] { get throws { try lines("label") } }

  /// This member of each result.
  fileprivate func lines(_ member: String) throws -> [String] {
    guard case .array(let lines) = try JSONReader.read(bytes) else { throw NotAnObject() }
    return try lines.map { line in
      guard case .object(let line) = line, case .string(let text)? = line[member] else {
        throw NoSuchText(name: member)
      }
      return text
    }
  }
}

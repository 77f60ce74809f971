import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

/// Responses to a key that is used from a disallowed address.
@Suite("403: address not allowed")
struct AddressNotAllowedTests {
  private static let inside = "198.51.100.7"
  private static let outside = "203.0.113.9"
  private static let proxies = "10.0.0.0/8"

  /// A root key and a child key of `home` that may only be used from `inside`.
  private func scene(
    proxies: TrustedProxies = TrustedProxies([])
  ) async throws -> (service: WatchedService, root: IssuedKey, child: IssuedKey) {
    let watched = try await WatchedService(proxies: proxies)
    let root = watched.service.home.root
    let list = try AddressList.test(["198.51.100.0/24"])
    let inside = Credentials(secret: root.secret, address: try .test(Self.inside))
    let child = try await watched.service.child()
    for id in [child.key.id, root.key.id] {
      _ = try await watched.service.keys.update(
        KeyUpdate(id: id, allowedAddresses: .set(list)), by: inside)
    }
    return (watched, root, child)
  }

  @Test("Every Scrubs call from a disallowed address is rejected", arguments: ScrubsOperation.allCases)
  func scrubs(operation: ScrubsOperation) async throws {
    let (watched, root, child) = try await scene()
    let credentials = watched.service.home.credentials(root.secret)
    let before = try await watched.service.keysOfHome()
    for call in [
      operation.call(by: credentials, on: child.key.id), operation.invalidCall(by: credentials),
    ] {
      for address in [Self.outside, nil] {
        let answer = try await watched.ask(call, from: address)
        try expectProblem(answer, 403, code: "address_not_allowed")
      }
    }
    #expect(try await watched.service.keysOfHome().map(\.id) == before.map(\.id))
    let answer = try await watched.ask(operation.call(by: credentials, on: child.key.id), from: Self.inside)
    #expect(answer.status < 300)
  }

  @Test("Every Scrubbe call from a disallowed address is rejected", arguments: ScrubbeOperation.allCases)
  func scrubbe(operation: ScrubbeOperation) async throws {
    let (watched, root, child) = try await scene()
    let call = operation.call(by: root.secret, on: child.key.id)
    for address in [Self.outside, nil] {
      let answer = try await watched.ask(call, from: address)
      #expect(answer.status == 403)
      #expect(try answer.text("code") == "address_not_allowed")
      #expect(try answer.object["success"] == .bool(false))
      try expectDocumented(answer, to: call)
    }
    #expect(try await watched.ask(call, from: Self.inside).status < 300)
  }

  @Test(
    "Every runtime call from a disallowed address is rejected and charges nothing",
    arguments: RuntimeOperation.allCases)
  func runtime(operation: RuntimeOperation) async throws {
    let (watched, root, _) = try await scene()
    let call = operation.call(by: root)
    let before = try await watched.service.store.meter()
    for call in [call, call.asScrubs()] {
      for address in [Self.outside, nil] {
        let answer = try await watched.ask(call, from: address)
        try expectProblem(answer, 403, code: "address_not_allowed")
        #expect(answer.headers[values: .reasonHeader] == ["address_not_allowed"])
        #expect(answer.headers[.keyIDHeader] == nil)
        try expectDocumented(answer, to: call)
      }
    }
    #expect(try await watched.service.store.meter().differences(from: before) == [])
    #expect(try await watched.ask(call, from: Self.inside).status == operation.status)
  }

  @Test("deny_status does not change the 403")
  func denyStatus() async throws {
    let (watched, _, child) = try await scene()
    for status in [403, 429] {
      let call = Call.verify("?deny_status=\(status)", by: child)
      #expect(try await watched.ask(call, from: Self.outside).status == 403)
    }
  }

  @Test("A disallowed address never counts as a failed authentication")
  func noFailure() async throws {
    let (watched, root, child) = try await scene()
    for _ in 0..<10 {
      #expect(try await watched.ask(.verify(by: child), from: Self.outside).status == 403)
      #expect(
        try await watched.ask(
          ScrubbeOperation.list.call(by: root.secret, on: child.key.id), from: Self.outside
        )
        .status == 403)
    }
  }

  @Test(
    "Behind a trusted proxy the client's address counts, and otherwise the peer's",
    arguments: [
      ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], true), ("10.0.0.1", ["198.51.100.7, 203.0.113.9"], false),
      ("10.0.0.1", [], false), ("203.0.113.9", ["198.51.100.7"], false),
    ] as [(String, [String], Bool)])
  func forwarded(peer: String, lines: [String], isAllowed: Bool) async throws {
    let (watched, root, child) = try await scene(
      proxies: TrustedProxies([try AddressRange(validating: Self.proxies, field: "")]))
    for call in [
      Call.verify(by: child), .runtime(.get, RuntimeOperation.usage.path, by: child),
      ScrubbeOperation.list.call(by: root.secret, on: child.key.id),
    ] {
      let sent = lines.reduce(call) { $0.adding(.forwardedForHeader, $1) }
      #expect(try await watched.ask(sent, from: peer).status == (isAllowed ? 200 : 403), "\(call.uri)")
    }
  }

  @Test("Without configured proxies the peer's address counts")
  func undeclared() async throws {
    let (watched, _, child) = try await scene(proxies: .undeclared)
    let call = Call.verify(by: child)
    #expect(try await watched.ask(call, from: Self.inside).status == 200)
    #expect(try await watched.ask(call, from: Self.inside, forwardedFor: Self.outside).status == 200)
    #expect(try await watched.ask(call, from: Self.outside, forwardedFor: Self.inside).status == 403)
  }

  @Test("A manager that grants more addresses than its own is rejected, with the field")
  func excess() async throws {
    let (watched, root, child) = try await scene()
    let inside = Credentials(secret: root.secret, address: try .test(Self.inside))
    let manager = try await watched.service.keys.create(
      KeyDraft(
        friendlyName: .test("Manager"), scopes: [.everything, .writeKeys],
        allowedAddresses: .test(["198.51.100.0/24"])),
      by: inside)
    for list in ["", #","allowedCidrs":null"#, #","allowedCidrs":["198.51.100.0/23"]"#] {
      let body = #"{"name":"N","environment":"PRODUCTION","scopes":["a"]\#(list)}"#
      let answer = try await watched.ask(
        ScrubbeOperation.create.call(by: manager.secret, on: child.key.id, json: body), from: Self.inside)
      #expect(answer.status == 403)
      #expect(try answer.text("code") == "beyond_own_authority")
      #expect(try answer.rejectedFields == ["allowedCidrs"])
    }
  }

  @Test("A root key can't exclude its own current address")
  func shutOut() async throws {
    let (watched, root, _) = try await scene()
    let call = Call.scrubs(
      .put, by: watched.service.home.credentials(root.secret),
      json: #"{"id":"\#(root.key.id)","allowed_cidrs":["203.0.113.9"]}"#)
    try expectProblem(
      try await watched.ask(call, from: Self.inside), 400, code: "body_invalid",
      fields: ["allowed_cidrs"])
  }
}

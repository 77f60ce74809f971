import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Keys with allowed address ranges", .timeLimit(.minutes(10)))
struct AddressConformance {
  private static let list = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]
  private static let inside = ["10.255.0.1", "::ffff:10.0.0.1", "192.0.2.7", "2001:db8:ffff::1"]
  /// `nil` is a request whose address is unknown.
  private static let outside: [String?] = ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::1", "::a00:1", nil]

  @Test("A single verification is admitted only from an allowed address", arguments: Backend.allCases)
  func alone(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(allowed: Self.list)
      for address in Self.inside {
        #expect(try await key.verify(from: address).admitted != nil, "\(address)")
      }
      let before = try await under.hooks.meter()
      for address in Self.outside {
        let refused = try await key.verify(from: address)
        #expect(refused.rejection == .addressNotAllowed, "\(address ?? "nowhere")")
        #expect(refused.used == .init(requests: 4))
      }
      #expect(try await under.hooks.meter() == before)
      let free = try await under.key()
      for address in Self.inside + Self.outside {
        #expect(try await free.verify(from: address).admitted != nil)
      }
    }
  }

  @Test("Each request of a batch is judged by its own address", arguments: Backend.allCases)
  func batch(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 3), allowed: Self.list)
      let free = try await under.key()
      let addresses = Self.outside + Self.inside
      let requests =
        try addresses.map { try key.request(from: $0) } + addresses.map { try free.request(from: $0) }
      let rejections = try await under.admitInOrder(requests).map(\.rejection)
      let expected: [AdmissionRejection?] =
        Self.outside.map { _ in .addressNotAllowed } + [nil, nil, nil, .overLimit(.requests)]
      #expect(Array(rejections.prefix(addresses.count)) == expected)
      #expect(rejections.dropFirst(addresses.count).allSatisfy { $0 == nil })
      #expect(try await key.used() == .init(requests: 3))
    }
  }

  /// A node groups concurrent requests by key, and by address too if the key restricts addresses.
  @Test(
    "Each of many concurrent requests is judged by its own address",
    arguments: Backend.allCases, [["10.0.0.1"], ["11.0.0.1"], ["10.0.0.1", "11.0.0.1"], ["10.0.0.1", nil]])
  func together(backend: Backend, from addresses: [String?]) async throws {
    try await backend.withStore { under in
      let (key, free) = (try await under.key(allowed: Self.list), try await under.key())
      _ = try await key.verify(from: "10.0.0.1")
      _ = try await free.verify()
      let count = 120
      let outcomes = try await withThrowingTaskGroup(of: (key: KeyID, address: String?, Admission).self) {
        group in
        for number in 0..<count {
          let key = number.isMultiple(of: 2) ? key : free
          let address = addresses[number / 2 % addresses.count]
          group.addTask { (key.id, address, try await key.verify(from: address)) }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      for (id, address, admission) in outcomes {
        let isAllowed = id == free.id || address == "10.0.0.1"
        #expect(admission.rejection == (isAllowed ? nil : .addressNotAllowed), "\(address ?? "nowhere")")
      }
      let admitted = Int64(outcomes.count { $0.key == key.id && $0.2.admitted != nil })
      #expect(try await key.used() == .init(requests: admitted + 1))
      #expect(try await free.used() == .init(requests: Int64(count / 2) + 1))
    }
  }

  @Test(
    "A reservation or report from a disallowed address is rejected and changes nothing",
    arguments: Backend.allCases)
  func reservingAndRecording(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(allowed: Self.list)
      #expect(try await key.reserve(.oneRequest, from: "10.0.0.1").id != nil)
      #expect(try await key.record(.oneRequest, from: "10.0.0.1").counted != nil)
      #expect(try await key.record(.oneRequest, event: "e", from: "10.0.0.1").counted != nil)
      let before = try await under.hooks.meter()
      for address in Self.outside {
        #expect(try await key.reserve(.oneRequest, from: address).rejection == .addressNotAllowed)
        for event in [nil, "e", "f"] {
          let recording = try await key.record(.oneRequest, event: event, from: address)
          guard case .rejected(.addressNotAllowed, _) = recording else {
            Issue.record("\(recording)")
            continue
          }
        }
      }
      #expect(try await under.hooks.meter() == before)
    }
  }

  @Test(
    "The address is checked after revocation and expiry, and before environment and scope",
    arguments: Backend.allCases)
  func order(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key(limits: .init(requests: 0), scopes: ["a:b"], allowed: Self.list)
      func rejection(from address: String) async throws -> AdmissionRejection? {
        try await key.verify(scopes: ["c"], environment: .staging, from: address).rejection
      }
      #expect(try await rejection(from: "10.0.0.1") == .environmentMismatch)
      #expect(try await rejection(from: "11.0.0.1") == .addressNotAllowed)
      try await under.hooks.expire(key.id)
      #expect(try await rejection(from: "11.0.0.1") == .expired)
      try await key.revoke()
      #expect(try await rejection(from: "11.0.0.1") == .revoked)
    }
  }

  @Test("The list of ranges is stored as given, and can be changed and removed", arguments: Backend.allCases)
  func stored(backend: Backend) async throws {
    try await backend.withStore { under in
      let most = (0..<50).map { "10.0.\($0).0/24" }
      for list in [["0.0.0.0/0", "::/0"], ["192.0.2.1/32", "2001:db8::1/128"], most] {
        let key = try await under.key(allowed: list)
        #expect(key.key.allowedAddresses?.ranges.map(\.description) == list)
        func found() async throws -> APIKey? {
          try await under.entered(key.organisation.id) { try await $0.keyForUpdate(key.id) }
        }
        #expect(try await found() == key.key)
        try await key.allow(["198.51.100.0/24"])
        #expect(try await found()?.allowedAddresses == .test(["198.51.100.0/24"]))
        var random = RandomSource.system
        #expect(try await key.rotated(random: &random)?.key.allowedAddresses == .test(["198.51.100.0/24"]))
        try await key.allow(nil)
        #expect(try await found()?.allowedAddresses == nil)
      }
    }
  }

  @Test(
    "A charge that waits while the list is narrowed is judged by the new list",
    arguments: Backend.allCases)
  func beingNarrowed(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      _ = try await key.verify(from: "11.0.0.1")
      let late = try await under.entered(key.organisation.id) { transaction in
        _ = try await transaction.update(
          key.id, friendlyName: key.key.friendlyName, limits: .unrestricted,
          allowedAddresses: .test(Self.list))
        let late = Task { try await key.verify(from: "11.0.0.1") }
        // Time to be judged by the old list if nothing blocked it.
        try await Task.sleep(for: .milliseconds(200))
        return late
      }
      #expect(try await late.value.rejection == .addressNotAllowed)
      #expect(try await key.used() == .oneRequest)
    }
  }
}

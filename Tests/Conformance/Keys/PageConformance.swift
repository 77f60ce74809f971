import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Pages of keys", .timeLimit(.minutes(10)))
struct PageConformance {
  @Test(
    "A page starts after its cursor, applies the filter and stops at its limit", arguments: Backend.allCases)
  func pages(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      _ = try await under.key()
      var keys = [clinic.root.key]
      for number in 0..<6 {
        keys.append(
          try await under.key(environment: number.isMultiple(of: 2) ? .staging : .production, of: clinic).key)
      }
      keys.sort { $0.position < $1.position }
      for (index, key) in keys.enumerated() {
        for limit in 1...8 {
          let found = try await under.page(clinic, after: key.position, limit: limit)
          #expect(found == keys[(index + 1)...].prefix(limit).map(\.id))
        }
      }
      #expect(try await under.page(clinic, limit: 200) == keys.map(\.id))
      let staging = try await under.page(clinic, KeyFilter(environment: .staging), limit: 200)
      #expect(staging == keys.filter { $0.environment == .staging }.map(\.id))
    }
  }

  @Test("Keys created at the same time are ordered by id", arguments: Backend.allCases)
  func ties(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      var random = RandomSource.seeded(31)
      let drafts = try (0..<9).map { try NewKey.test("Key \($0)", random: &random).key }
      // All keys of one transaction have the same creation time.
      let keys = try await under.entered(clinic.organisation.id) { transaction in
        var keys: [APIKey] = []
        for draft in drafts { keys.append(try await transaction.insert(draft)) }
        return keys
      }
      #expect(Set(keys.map(\.createdAt)).count == 1)
      var listed: [KeyID] = []
      var next: KeyPosition?
      while true {
        let page = try await under.entered(clinic.organisation.id) { [next] in
          try await $0.keys(KeyFilter(), after: next, limit: 2)
        }
        guard let last = page.last else { break }
        listed += page.map(\.id)
        next = last.position
      }
      #expect(listed == [clinic.root.key.id] + keys.map(\.position).sorted().map(\.id))
    }
  }

  @Test(
    "Filtering by status follows the same rule and clock as authentication",
    arguments: Backend.allCases)
  func statuses(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let active = try await under.key(of: clinic)
      let expired = try await under.key(of: clinic)
      let revoked = try await under.key(of: clinic)
      let both = try await under.key(of: clinic)
      for key in [expired, both] { try await under.hooks.expire(key.id) }
      for key in [revoked, both] { try await key.revoke() }
      let expected: [KeyStatus: Set<KeyID>] = [
        .active: [clinic.root.key.id, active.id], .expired: [expired.id], .revoked: [revoked.id, both.id],
      ]
      for (status, ids) in expected {
        #expect(Set(try await under.page(clinic, KeyFilter(status: status), limit: 200)) == ids, "\(status)")
      }
      for key in [active, expired, revoked, both] {
        let hashes = try under.peppers.hashes(of: key.secret)
        let found = try await under.entered(clinic.organisation.id) {
          try await $0.activeKey(hashes, lock: .none)
        }
        #expect((found != nil) == (key.id == active.id))
      }
    }
  }

  @Test(
    "A listing shows every key that stays exactly once while others are created and deleted",
    arguments: Backend.allCases)
  func concurrentChanges(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let service = KeyService(store: under.store, peppers: try under.peppers)
      var staying = [clinic.root.key.id]
      var passing: [KeyID] = []
      for number in 0..<40 {
        let id = try await under.key(of: clinic).id
        if number.isMultiple(of: 2) { staying.append(id) } else { passing.append(id) }
      }
      let doomed = passing
      async let changes: Void = {
        for id in doomed {
          try await service.delete(id, by: clinic.credentials)
          _ = try await under.key(of: clinic)
        }
      }()
      for _ in 0..<8 {
        var listed: [KeyID] = []
        var next: KeyPosition?
        repeat {
          let page = try await service.page(
            KeyListing(after: next, limit: 3), by: clinic.credentials)
          listed += page.keys.map(\.id)
          next = page.next
        } while next != nil
        #expect(Set(listed).count == listed.count)
        #expect(Set(listed).isSuperset(of: staying))
      }
      try await changes
    }
  }
}

extension StoreUnderTest {
  fileprivate func page(
    _ organisation: TestOrganisation, _ filter: KeyFilter = KeyFilter(), after position: KeyPosition? = nil,
    limit: Int
  ) async throws -> [KeyID] {
    try await entered(organisation.organisation.id) {
      try await $0.keys(filter, after: position, limit: limit).map(\.id)
    }
  }
}

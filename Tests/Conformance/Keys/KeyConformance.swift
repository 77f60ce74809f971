import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Keys", .timeLimit(.minutes(10)))
struct KeyConformance {
  @Test("A new key is stored as requested and found by its secret's hash", arguments: Backend.allCases)
  func stored(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore).organisation
      var random = RandomSource.seeded(1)
      let limits = MonthlyLimits(requests: 0, tokens: nil, speechSeconds: MonthlyLimits.largest)
      let far = Timestamp(microseconds: 4_102_444_800_000_000)
      let (new, secret) = try NewKey.test(
        "Née 🔑", linkage: "ward 7", limits: limits, expiresAt: far, random: &random)
      let inserted = try await under.entered(clinic.id) { try await $0.insert(new) }
      #expect(inserted.id == new.id)
      #expect(inserted.organisationID == clinic.id)
      #expect(inserted.friendlyName.rawValue == "Née 🔑")
      #expect(inserted.limits == limits)
      #expect(inserted.linkageID.rawValue == "ward 7")
      #expect(inserted.environment == .staging)
      #expect(inserted.scopes.map(\.rawValue) == ["incidents:read"])
      #expect(inserted.expiresAt == far)
      #expect(inserted.hint == secret.hint)
      #expect(inserted.status == .active && !inserted.root && inserted.lastUsedAt == nil)
      let hashes = try under.peppers.hashes(of: secret)
      let found = try await under.entered(clinic.id) { try await $0.activeKey(hashes, lock: .shared) }
      #expect(found == inserted)
    }
  }

  @Test("A linkage id is unique within an organisation only", arguments: Backend.allCases)
  func linkage(backend: Backend) async throws {
    try await backend.withStore { under in
      let one = try await TestOrganisation.create("one", in: under.operatorStore).organisation
      let other = try await TestOrganisation.create("other", in: under.operatorStore).organisation
      var random = RandomSource.seeded(2)
      let (first, _) = try NewKey.test("First", linkage: "ward", random: &random)
      let (second, _) = try NewKey.test("Second", linkage: "ward", random: &random)
      _ = try await under.entered(one.id) { try await $0.insert(first) }
      await #expect(throws: StoreError.linkageTaken) {
        try await under.entered(one.id) { _ = try await $0.insert(second) }
      }
      _ = try await under.entered(other.id) { try await $0.insert(second) }
    }
  }

  @Test("Of 32 concurrent creations with one linkage id exactly one succeeds", arguments: Backend.allCases)
  func linkageRace(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let keys = KeyService(store: under.store, peppers: try under.peppers)
      let draft = KeyDraft(friendlyName: try .test("Racer"), linkageID: try .test("the one"))
      let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<32 {
          group.addTask {
            do {
              _ = try await keys.create(draft, by: clinic.credentials)
              return true
            } catch Rejection.linkageTaken {
              return false
            }
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(outcomes.filter { $0 }.count == 1)
    }
  }

  @Test("A key can't be created with an expiry in the past", arguments: Backend.allCases)
  func expiryInThePast(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore).organisation
      var random = RandomSource.seeded(3)
      let (new, _) = try NewKey.test("Late", expiresAt: Timestamp(microseconds: 0), random: &random)
      await #expect(throws: StoreError.expiryNotInFuture) {
        try await under.entered(clinic.id) { _ = try await $0.insert(new) }
      }
      #expect(try await under.entered(clinic.id) { try await $0.keys() }.count == 1)
    }
  }

  @Test("An expired key no longer authenticates but is still listed", arguments: Backend.allCases)
  func expired(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore).organisation
      var random = RandomSource.seeded(4)
      let soon = clinic.createdAt.advanced(bySeconds: 2)
      let (new, secret) = try NewKey.test("Short", expiresAt: soon, random: &random)
      _ = try await under.entered(clinic.id) { try await $0.insert(new) }
      let hashes = try under.peppers.hashes(of: secret)
      var alive = true
      for _ in 0..<500 where alive {
        try await Task.sleep(for: .milliseconds(20))
        alive = try await under.entered(clinic.id) { try await $0.activeKey(hashes, lock: .none) } != nil
      }
      #expect(!alive)
      let listed = try await under.entered(clinic.id) { try await $0.keyForUpdate(new.id) }
      #expect(listed?.status == .expired)
    }
  }

  @Test("Name and limits can be changed, and a limit can be cleared", arguments: Backend.allCases)
  func updated(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore).organisation
      var random = RandomSource.seeded(5)
      let (new, _) = try NewKey.test("Old", limits: .init(requests: 1, tokens: 2), random: &random)
      _ = try await under.entered(clinic.id) { try await $0.insert(new) }
      let changed = try await under.entered(clinic.id) {
        try await $0.update(
          new.id, friendlyName: .test("New"), limits: .init(tokens: 5, speechSeconds: 0),
          allowedAddresses: nil)
      }
      #expect(changed.friendlyName.rawValue == "New")
      #expect(changed.limits == MonthlyLimits(requests: nil, tokens: 5, speechSeconds: 0))
      #expect(try await under.entered(clinic.id) { try await $0.keyForUpdate(new.id) } == changed)
    }
  }

  @Test(
    "A deleted key no longer authenticates, and its linkage id is free again", arguments: Backend.allCases)
  func deleted(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore).organisation
      var random = RandomSource.seeded(6)
      let (new, secret) = try NewKey.test("Gone", linkage: "ward", random: &random)
      let (next, _) = try NewKey.test("Next", linkage: "ward", random: &random)
      _ = try await under.entered(clinic.id) { try await $0.insert(new) }
      try await under.entered(clinic.id) { try await $0.delete(new.id) }
      let hashes = try under.peppers.hashes(of: secret)
      #expect(try await under.entered(clinic.id) { try await $0.activeKey(hashes, lock: .none) } == nil)
      #expect(try await under.entered(clinic.id) { try await $0.keyForUpdate(new.id) } == nil)
      _ = try await under.entered(clinic.id) { try await $0.insert(next) }
    }
  }

  @Test("A key can't be found, changed or deleted by another organisation", arguments: Backend.allCases)
  func tenantsAreApart(backend: Backend) async throws {
    try await backend.withStore { under in
      let one = try await TestOrganisation.create("one", in: under.operatorStore)
      let other = try await TestOrganisation.create("other", in: under.operatorStore)
      let hashes = try under.peppers.hashes(of: one.root.secret)
      let id = one.root.key.id
      try await under.entered(other.organisation.id) { transaction in
        #expect(try await transaction.activeKey(hashes, of: other.organisation.providerID) == nil)
        #expect(try await transaction.keyForUpdate(id) == nil)
        #expect(try await transaction.keys().map(\.id) == [other.root.key.id])
        try await transaction.markUsed(id)
        try await transaction.delete(id)
      }
      let kept = try await under.entered(one.organisation.id) { try await $0.keyForUpdate(id) }
      #expect(kept?.lastUsedAt == nil)
      #expect(kept != nil)
    }
  }

  @Test(
    "An id that was never issued finds nothing, even with special characters",
    arguments: Backend.allCases, ["", "key_", "key_\u{0}", "key_é", "key_' OR true --", "KEY_A"])
  func unknownIDs(backend: Backend, id: String) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore).organisation
      let found = try await under.entered(clinic.id) { try await $0.keyForUpdate(KeyID(rawValue: id)) }
      #expect(found == nil)
    }
  }

  @Test("Keys are listed oldest first", arguments: Backend.allCases)
  func listed(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore).organisation
      var random = RandomSource.seeded(7)
      for number in 0..<5 {
        let (new, _) = try NewKey.test("Key \(number)", random: &random)
        _ = try await under.entered(clinic.id) { try await $0.insert(new) }
      }
      let names = try await under.entered(clinic.id) { try await $0.keys().map(\.friendlyName.rawValue) }
      #expect(names == ["Root key"] + (0..<5).map { "Key \($0)" })
    }
  }

  @Test("last_used_at changes at most once a minute", arguments: Backend.allCases)
  func touched(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let id = clinic.root.key.id
      var seen: [Timestamp?] = []
      for _ in 0..<2 {
        try await under.entered(clinic.organisation.id) { try await $0.markUsed(id) }
        seen.append(
          try await under.entered(clinic.organisation.id) { try await $0.keyForUpdate(id)?.lastUsedAt })
      }
      #expect(seen[0] != nil)
      #expect(seen[0] == seen[1])
    }
  }
}

import KeymeterDomain
import KeymeterTesting
import Synchronization
import Testing

@Suite("Rotating, revoking and deleting keys", .timeLimit(.minutes(10)))
struct KeyLifecycleConformance {
  @Test(
    "A rotation's new secret authenticates at once, and the old one only during the overlap",
    arguments: Backend.allCases)
  func rotated(backend: Backend) async throws {
    try await backend.withStore { under in
      let first = try await under.key()
      var random = RandomSource.system
      let second = try #require(try await first.rotated(overlapSeconds: 600, random: &random))
      #expect(second.key.id == first.id && second.key.hint == second.secret.hint)
      #expect(try await first.verify().admitted != nil)
      #expect(try await second.verify().admitted != nil)
      #expect(try await first.authenticates())
      #expect(try await second.authenticates())
      let third = try #require(try await first.rotated(overlapSeconds: 600, random: &random))
      #expect(try await first.verify().rejection == .unknownKey)
      #expect(try await second.verify().admitted != nil)
      #expect(try await third.verify().admitted != nil)
      try await under.hooks.endOverlap(of: first.id)
      #expect(try await second.verify().rejection == .expired)
      #expect(try await !second.authenticates())
      #expect(try await third.authenticates())
      let last = try #require(try await first.rotated(random: &random))
      for old in [first, second, third] {
        #expect(try await old.verify().rejection == .unknownKey)
        #expect(try await !old.authenticates())
      }
      #expect(try await last.verify().admitted?.used.requests == 5)
    }
  }

  @Test("Only a secret that a rotation has replaced is superseded", arguments: Backend.allCases)
  func superseded(backend: Backend) async throws {
    try await backend.withStore { under in
      let first = try await under.key()
      #expect(try await !first.isSuperseded())
      var random = RandomSource.system
      let second = try #require(try await first.rotated(overlapSeconds: 600, random: &random))
      #expect(try await first.isSuperseded())
      #expect(try await !second.isSuperseded())
      let bystander = try await under.key()
      #expect(try await !bystander.isSuperseded())
      try await under.hooks.endOverlap(of: first.id)
      #expect(try await first.isSuperseded())
    }
  }

  @Test("An overlap ends by the database's clock, without a job", arguments: Backend.allCases)
  func overlapEnds(backend: Backend) async throws {
    try await backend.withStore { under in
      let first = try await under.key()
      var random = RandomSource.system
      let clock = ContinuousClock()
      let before = clock.now
      _ = try await first.rotated(overlapSeconds: 1, random: &random)
      let answered = clock.now
      var alive = true
      while alive {
        let asked = clock.now
        alive = try await first.verify().rejection == nil
        if alive {
          #expect(asked - answered < .seconds(1))
        } else {
          #expect(clock.now - before >= .seconds(1))
        }
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(try await !first.authenticates())
    }
  }

  @Test(
    "Every secret of a revoked key is rejected as revoked, and the key still exists",
    arguments: Backend.allCases)
  func revoked(backend: Backend) async throws {
    try await backend.withStore { under in
      let first = try await under.key()
      var random = RandomSource.system
      let second = try #require(try await first.rotated(overlapSeconds: 600, random: &random))
      try await first.revoke()
      for value in [first, second] {
        #expect(try await value.verify().rejection == .revoked)
        #expect(try await !value.authenticates())
      }
      let found = try await under.entered(first.organisation.id) { try await $0.keyForUpdate(first.id) }
      #expect(found?.status == .revoked && found?.revokedAt != nil)
    }
  }

  @Test("The organisation of a secret is found without being named", arguments: Backend.allCases)
  func organisationHolding(backend: Backend) async throws {
    try await backend.withStore { under in
      let one = try await under.key()
      let other = try await under.key()
      var random = RandomSource.system
      let never = KeySecret(environment: .production, random: &random)
      for key in [one, other] {
        let hashes = try under.peppers.hashes(of: key.secret)
        let found = try await under.store.withTransaction { try await $0.organisation(forHashes: hashes) }
        #expect(found == key.organisation.id)
      }
      let hashes = try under.peppers.hashes(of: never)
      #expect(try await under.store.withTransaction { try await $0.organisation(forHashes: hashes) } == nil)
    }
  }

  @Test(
    "Only an active root key of the same organisation counts as another active root key",
    arguments: Backend.allCases)
  func otherActiveRoot(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      _ = try await TestOrganisation.create("neighbour", in: under.operatorStore)
      _ = try await under.key(of: clinic)
      let id = clinic.organisation.id
      let service = OrganisationService(store: under.operatorStore, peppers: try under.peppers)
      @Sendable func hasOther() async throws -> Bool {
        try await under.entered(id) { try await $0.hasOtherActiveRoot(than: clinic.root.key.id) }
      }
      #expect(try await !hasOther())
      let second = try await service.createRootKey(clinic.organisation.providerID, name: .test("Second"))
      #expect(try await hasOther())
      _ = try await under.entered(id) { try await $0.revoke(second.key.id) }
      #expect(try await !hasOther())
      let third = try await service.createRootKey(clinic.organisation.providerID, name: .test("Third"))
      #expect(try await hasOther())
      try await under.hooks.expire(third.key.id)
      #expect(try await !hasOther())
    }
  }

  @Test(
    "When two root keys end each other or themselves at once, exactly one survives",
    arguments: Backend.allCases)
  func concurrentRootEndings(backend: Backend) async throws {
    try await backend.withStore { under in
      let keys = KeyService(store: under.store, peppers: try under.peppers)
      let service = OrganisationService(store: under.operatorStore, peppers: try under.peppers)
      for trial in 0..<20 {
        let clinic = try await TestOrganisation.create("clinic-\(trial)", in: under.operatorStore)
        let provider = clinic.organisation.providerID
        let second = try await service.createRootKey(provider, name: .test("Second"))
        let (one, two) = (clinic.root, second)
        let pairs = trial < 10 ? [(one, two), (two, one)] : [(one, one), (two, two)]
        let rejections = try await withThrowingTaskGroup(of: Rejection?.self) { group in
          for (one, other) in pairs {
            group.addTask {
              let caller = Credentials(secret: one.secret)
              do {
                if trial.isMultiple(of: 2) {
                  _ = try await keys.revoke(other.key.id, by: caller)
                } else {
                  try await keys.delete(
                    other.key.id, by: caller, under: .rootKeysAndScopes)
                }
                return nil
              } catch let rejection as Rejection {
                return rejection
              }
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        let rejection = trial < 10 ? Rejection.notAuthentic : .lastRootKey
        #expect(rejections.count { $0 == nil } == 1 && rejections.contains(rejection))
        let active = try await service.show(provider).keys.filter { $0.root && $0.status == .active }
        #expect(active.count == 1)
      }
    }
  }

  @Test(
    "A key can't end while a change that it authenticated is in progress",
    arguments: Backend.allCases, Ending.allCases)
  func sharedLock(backend: Backend, ending: Ending) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let keys = KeyService(store: under.store, peppers: try under.peppers)
      let service = OrganisationService(store: under.operatorStore, peppers: try under.peppers)
      let second = try await service.createRootKey(clinic.organisation.providerID, name: .test("Second"))
      let hashes = try under.peppers.hashes(of: clinic.root.secret)
      let box = Flag()
      let ended = try await under.entered(clinic.organisation.id) { transaction in
        _ = try #require(try await transaction.activeKey(hashes, lock: .shared))
        let ended = Task {
          try await ending.end(clinic.root.key.id, by: Credentials(secret: second.secret), keys)
          return box.isSet
        }
        // Time for the ending to commit first if nothing blocked it.
        try await Task.sleep(for: .milliseconds(200))
        box.set()
        return ended
      }
      #expect(try await ended.value)
      let found = try await under.entered(clinic.organisation.id) { transaction in
        try await transaction.activeKey(hashes, lock: .none)
      }
      #expect(found == nil)
    }
  }

  @Test(
    "A change that waited while its caller's key was ended is rejected",
    arguments: Backend.allCases, Ending.allCases)
  func changeAfterEnd(backend: Backend, ending: Ending) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let manager = try await under.key(of: clinic)
      let keys = KeyService(store: under.store, peppers: try under.peppers)
      let draft = KeyDraft(friendlyName: try .test("Late"))
      let change = try await under.entered(clinic.organisation.id) { transaction in
        try await transaction.lockKey(manager.id)
        try await ending.end(manager.key, in: transaction, under.peppers)
        let change = Task {
          try await keys.create(
            draft, by: Credentials(secret: manager.secret),
            under: .rootKeysAndScopes)
        }
        // Time for the change to reach the lock.
        try await Task.sleep(for: .milliseconds(200))
        return change
      }
      await #expect(throws: Rejection.notAuthentic) { _ = try await change.value }
      let names = try await under.entered(clinic.organisation.id) { try await $0.keys().map(\.friendlyName) }
      #expect(!names.contains(draft.friendlyName))
    }
  }

  @Test(
    "Of 16 concurrent rotations of a key by itself exactly one succeeds, and the old secret lasts for the overlap",
    arguments: Backend.allCases, [0, 600])
  func rotationRace(backend: Backend, overlap: Int64) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let keys = KeyService(store: under.store, peppers: try under.peppers)
      let rotation = KeyRotation(id: clinic.root.key.id, overlapSeconds: overlap)
      let late: Rejection = overlap > 0 ? .valueSuperseded : .notAuthentic
      let rotated = try await withThrowingTaskGroup(of: IssuedKey?.self) { group in
        for _ in 0..<16 {
          group.addTask {
            do {
              return try await keys.rotate(rotation, by: clinic.credentials)
            } catch let rejection as Rejection where rejection == late {
              return nil
            }
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }.compactMap(\.self)
      }
      #expect(rotated.count == 1)
      if overlap > 0 { _ = try await keys.ownKey(clinic.credentials) }
      for issued in rotated {
        let own = try await keys.ownKey(Credentials(secret: issued.secret))
        #expect(own.hint == issued.secret.hint)
      }
    }
  }

  /// The ways to end a key's secret at once.
  enum Ending: CaseIterable, Sendable {
    case rotate, revoke, delete

    /// Ends the secret in the store, without the service's rules.
    func end(_ key: APIKey, in transaction: any TenantTransaction, _ peppers: PepperSet) async throws {
      switch self {
      case .rotate:
        var random = RandomSource.system
        let secret = KeySecret(environment: key.environment, random: &random)
        let value = NewSecret(hash: peppers.currentHash(of: secret), hint: secret.hint)
        _ = try await transaction.rotate(key.id, to: value, overlapSeconds: 0)
      case .revoke: _ = try await transaction.revoke(key.id)
      case .delete: try await transaction.delete(key.id)
      }
    }

    func end(_ id: KeyID, by caller: Credentials, _ keys: KeyService) async throws {
      switch self {
      case .rotate:
        _ = try await keys.rotate(KeyRotation(id: id), by: caller)
      case .revoke: _ = try await keys.revoke(id, by: caller)
      case .delete:
        try await keys.delete(id, by: caller, under: .rootKeysAndScopes)
      }
    }
  }
}

extension MeteredKey {
  /// Whether a rotation has replaced the secret.
  fileprivate func isSuperseded() async throws -> Bool {
    let hashes = try under.peppers.hashes(of: secret)
    return try await under.store.withTransaction { transaction in
      let lookup = try await transaction.findKey(hashes, provider: nil, lock: .none, markUsed: false)
      guard case .found(let found) = lookup else { return false }
      return found.isSuperseded
    }
  }

  /// Whether the secret authenticates a management call.
  func authenticates() async throws -> Bool {
    let hashes = try under.peppers.hashes(of: secret)
    return try await under.entered(organisation.id) {
      try await $0.activeKey(hashes, lock: .none)
    } != nil
  }
}

/// A flag that tasks share.
private final class Flag: Sendable {
  private let state = Mutex(false)

  var isSet: Bool { state.withLock { $0 } }

  func set() { state.withLock { $0 = true } }
}

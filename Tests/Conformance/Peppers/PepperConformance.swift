import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Peppers", .timeLimit(.minutes(10)))
struct PepperConformance {
  @Test("A pepper keeps the bytes with which it was first introduced", arguments: Backend.allCases)
  func introduced(backend: Backend) async throws {
    try await backend.withStore { under in
      let (old, new) = (try PepperSet.test, try PepperSet.rotated)
      #expect(try await under.pepperStore.introduce(old.checks) == [])
      #expect(try await under.pepperStore.introduce(old.checks) == [])
      #expect(try await under.pepperStore.introduce(new.checks) == [])
      let known = try await under.pepperStore.knownPeppers()
      #expect(known.map(\.id) == ["next", "test"])
      #expect(Set(known.compactMap(\.check)) == Set(new.checks))
      #expect(known.allSatisfy { $0.firstSeen != nil && $0.keys == 0 })
    }
  }

  @Test(
    "Different bytes under a known pepper id are reported, and nothing of the set is written",
    arguments: Backend.allCases)
  func mismatch(backend: Backend) async throws {
    try await backend.withStore { under in
      try await PepperService(store: under.pepperStore, peppers: .test).introduce()
      let wrong = try PepperSet([
        (id: "other", bytes: Array(repeating: 1, count: 32)),
        (id: "test", bytes: Array(repeating: 2, count: 32)),
      ])
      let service = PepperService(store: under.pepperStore, peppers: wrong)
      await #expect(throws: PepperMismatch(ids: ["test"])) { try await service.introduce() }
      #expect(try await under.pepperStore.knownPeppers().map(\.id) == ["test"])
      #expect(try await service.status().map(\.state) == [.current, .mismatched])
    }
  }

  @Test(
    "Of 16 nodes with different bytes under one pepper id exactly one succeeds", arguments: Backend.allCases)
  func racers(backend: Backend) async throws {
    try await backend.withStore { under in
      let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<16 {
          group.addTask {
            let peppers = try PepperSet([(id: "p", bytes: Array(repeating: UInt8(number), count: 32))])
            return try await under.pepperStore.introduce(peppers.checks).isEmpty
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(outcomes.count { $0 } == 1)
    }
  }

  @Test(
    "A rehashed key authenticates as before and no longer needs the former pepper",
    arguments: Backend.allCases)
  func renewed(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let both = try PepperSet.rotated.hashes(of: key.secret)
      #expect(try await under.guarded() == ["test": 2])
      #expect(try await under.pepperStore.renew(both))
      #expect(try await under.guarded() == ["next": 1, "test": 1])
      #expect(try await !under.pepperStore.renew(both))

      #expect(try await under.admits(both))
      #expect(try await under.admits(Array(both.prefix(1))))
      #expect(try await !under.admits(Array(both.suffix(1))))
      let found = try await under.entered(key.organisation.id) { try await $0.activeKey(both, lock: .shared) }
      #expect(found?.id == key.id)
    }
  }

  @Test("Only a secret of the named pepper is rehashed", arguments: Backend.allCases)
  func namedPepperOnly(backend: Backend) async throws {
    try await backend.withStore { under in
      let key = try await under.key()
      let both = try PepperSet.rotated.hashes(of: key.secret)
      let misnamed = SecretHash(pepperID: "another", bytes: both[1].bytes)
      #expect(try await !under.pepperStore.renew([both[0], misnamed]))
      #expect(try await !under.pepperStore.renew([both[0]]))
      #expect(try await under.guarded() == ["test": 2])
    }
  }

  @Test("An ended secret is not rehashed and stays rejected", arguments: Backend.allCases)
  func ended(backend: Backend) async throws {
    try await backend.withStore { under in
      let peppers = try PepperSet.rotated
      let (revoked, deleted, rotated) = (try await under.key(), try await under.key(), try await under.key())
      try await revoked.revoke()
      try await deleted.delete()
      var random = RandomSource.system
      _ = try await rotated.rotated(random: &random)
      for key in [revoked, deleted, rotated] {
        let hashes = peppers.hashes(of: key.secret)
        #expect(try await !under.pepperStore.renew(hashes))
        #expect(try await !under.admits(hashes))
      }
      // Three root keys and the current secret of the rotated key.
      #expect(try await under.guarded() == ["test": 4])
    }
  }

  @Test("Rehashing keeps the end of an overlap", arguments: Backend.allCases)
  func overlapStays(backend: Backend) async throws {
    try await backend.withStore { under in
      let first = try await under.key()
      var random = RandomSource.system
      _ = try #require(try await first.rotated(overlapSeconds: 600, random: &random))
      let both = try PepperSet.rotated.hashes(of: first.secret)
      #expect(try await under.pepperStore.renew(both))
      #expect(try await under.admits(both))
      try await under.hooks.endOverlap(of: first.id)
      #expect(try await !under.admits(both))
    }
  }

  @Test(
    "Concurrent use, rehashing and revocation of keys lose no charge and no revocation",
    arguments: Backend.allCases)
  func underLoad(backend: Backend) async throws {
    try await backend.withStore { under in
      let peppers = try PepperSet.rotated
      let organisation = try await TestOrganisation.create("clinic", in: under.operatorStore)
      var keys: [MeteredKey] = []
      for _ in 0..<8 {
        keys.append(try await under.key(limits: MonthlyLimits(requests: 40), of: organisation))
      }
      let admitted = try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
        for (place, key) in keys.enumerated() {
          let hashes = peppers.hashes(of: key.secret)
          for turn in 0..<60 {
            group.addTask { (place, try await under.admits(hashes, on: turn % 2)) }
            if turn % 15 == 7 {
              group.addTask {
                _ = try await under.pepperStore.renew(hashes); return (place, false)
              }
            }
          }
        }
        return try await group.reduce(into: [Int: Int]()) { if $1.1 { $0[$1.0, default: 0] += 1 } }
      }
      #expect(keys.indices.allSatisfy { admitted[$0] == 40 })
      #expect(try await under.guarded() == ["next": 8, "test": 1])
      for key in keys {
        try await key.revoke()
        #expect(try await !under.pepperStore.renew(peppers.hashes(of: key.secret).reversed()))
        #expect(try await !under.admits(peppers.hashes(of: key.secret)))
      }
    }
  }
}

extension PepperSet {
  /// A newer pepper, then the test's pepper.
  fileprivate static var rotated: PepperSet {
    get throws {
      try PepperSet([
        (id: "next", bytes: Array(repeating: 9, count: 32)),
        (id: "test", bytes: Array(repeating: 7, count: 32)),
      ])
    }
  }
}

extension StoreUnderTest {
  /// The number of keys per pepper, without peppers that have none.
  fileprivate func guarded() async throws -> [String: Int64] {
    let known = try await pepperStore.knownPeppers().filter { $0.keys > 0 }
    return Dictionary(uniqueKeysWithValues: known.map { ($0.id, $0.keys) })
  }

  /// Whether a node admits the key with these hashes.
  fileprivate func admits(_ hashes: [SecretHash], on node: Int = 0) async throws -> Bool {
    try await nodes[node].admit(AdmissionRequest(hashes: hashes)).admitted != nil
  }
}

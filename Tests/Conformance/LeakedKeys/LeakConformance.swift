import Crypto
import KeymeterDomain
import KeymeterTesting
import Synchronization
import Testing

@Suite("Revoking leaked keys", .timeLimit(.minutes(10)))
struct LeakConformance {
  @Test(
    "A leaked secret revokes its key with all its secrets, whichever secret leaked and whichever pepper hashed it",
    arguments: Backend.allCases)
  func everyValue(backend: Backend) async throws {
    try await backend.withStore { under in
      var random = RandomSource.system
      for leaksFormer in [true, false] {
        let former = try await under.key()
        let present = try #require(try await former.rotated(overlapSeconds: 600, random: &random))
        let bystander = try await under.key()
        let leak = leaksFormer ? former : present
        let outcome = try await under.leaks(.rotated).one(leak.secret)
        #expect(outcome.revoked == former.id && !outcome.leavesNoRoot)
        for value in [former, present] {
          #expect(try await value.verify().rejection == .revoked)
          #expect(try await !value.authenticates())
        }
        #expect(try await bystander.verify().admitted != nil)
        let line = try #require(try await under.auditLog().last { $0.target == former.id.rawValue })
        #expect(line.principal == "github" && line.action == "key.revoked")
        #expect(line.organisation == former.organisation.id.rawValue)
        #expect(line.fields == ["leak_source", "leak_url", "revoked_at"])
      }
    }
  }

  @Test(
    "A leaked secret that is unknown or has ended leaves the key's current secret alone",
    arguments: Backend.allCases)
  func ended(backend: Backend) async throws {
    try await backend.withStore { under in
      var random = RandomSource.system
      let leaks = try under.leaks()
      let rotated = try await under.key()
      let present = try #require(try await rotated.rotated(random: &random))
      let overlapped = try await under.key()
      let successor = try #require(try await overlapped.rotated(overlapSeconds: 600, random: &random))
      try await under.hooks.endOverlap(of: overlapped.id)
      let deleted = try await under.key()
      try await deleted.delete()
      let revoked = try await under.key()
      try await revoked.revoke()
      let never = KeySecret(environment: .production, random: &random)
      let renewed = try await under.key()
      let last = try #require(try await renewed.rotated(overlapSeconds: 600, random: &random))
      try await last.revoke()
      let before = try await under.auditLog()
      for gone in [deleted.secret, never] { #expect(try await !leaks.one(gone).isKey) }
      for gone in [revoked.secret, renewed.secret] {
        let outcome = try await leaks.one(gone)
        #expect(outcome.isKey && outcome.revoked == nil && outcome.superseded == nil)
      }
      #expect(try await under.auditLog() == before)
      for gone in [rotated, overlapped] {
        #expect(try await leaks.one(gone.secret).superseded == gone.id)
      }
      for alive in [present, successor] { #expect(try await alive.verify().admitted != nil) }
    }
  }

  @Test(
    "A leaked former secret is logged once, after any number of rotations, and the key stays active",
    arguments: Backend.allCases)
  func formerValue(backend: Backend) async throws {
    try await backend.withStore { under in
      var random = RandomSource.system
      let leaks = try under.leaks()
      let first = try await under.key()
      let second = try #require(try await first.rotated(overlapSeconds: 600, random: &random))
      let third = try #require(try await first.rotated(random: &random))
      for former in [first, second] {
        let before = try await under.auditLog()
        #expect(try await leaks.one(former.secret).superseded == first.id)
        let lines = try await under.auditLog().dropFirst(before.count)
        #expect(lines.map(\.principal) == ["github"] && lines.map(\.action) == ["key.leak_reported"])
        #expect(lines.first?.target == first.id.rawValue)
        #expect(lines.first?.organisation == first.organisation.id.rawValue)
        #expect(lines.first?.fields == ["leak_source", "leak_url", "superseded_at"])
        let again = try await leaks.one(former.secret)
        #expect(again.isKey && again.superseded == nil && again.revoked == nil)
        #expect(try await under.auditLog().count == before.count + 1)
        #expect(try await third.verify().admitted != nil)
      }
      #expect(try await leaks.one(third.secret).revoked == first.id)
      try await first.delete()
      #expect(try await !leaks.one(first.secret).isKey)
    }
  }

  @Test(
    "Concurrent reports of a former secret are logged once, also during a rotation or deletion",
    arguments: Backend.allCases)
  func formerRaces(backend: Backend) async throws {
    try await backend.withStore { under in
      var random = RandomSource.system
      let leaks = try under.leaks()
      let keys = KeyService(store: under.store, peppers: try under.peppers)
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      for trial in 0..<12 {
        let key = try await under.key(of: clinic)
        _ = try #require(try await key.rotated(random: &random))
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<3 { group.addTask { _ = try await leaks.one(key.secret) } }
          group.addTask {
            if trial.isMultiple(of: 2) {
              let rotation = KeyRotation(id: key.id)
              _ = try await keys.rotate(rotation, by: clinic.credentials)
            } else {
              try await keys.delete(key.id, by: clinic.credentials)
            }
          }
          try await group.waitForAll()
        }
        let noted = try await under.auditLog().filter {
          $0.target == key.id.rawValue && $0.action == "key.leak_reported"
        }
        #expect(noted.count <= 1 && (noted.count == 1 || !trial.isMultiple(of: 2)), "trial \(trial)")
      }
    }
  }

  @Test(
    "A leaked root key is revoked, and the outcome says if it was the last active one",
    arguments: Backend.allCases)
  func rootKeys(backend: Backend) async throws {
    try await backend.withStore { under in
      let leaks = try under.leaks()
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let neighbour = try await TestOrganisation.create("neighbour", in: under.operatorStore)
      let child = try await under.key(of: clinic)
      let service = OrganisationService(store: under.operatorStore, peppers: try under.peppers)
      let second = try await service.createRootKey(clinic.organisation.providerID, name: .test("Second"))
      let third = try await service.createRootKey(clinic.organisation.providerID, name: .test("Third"))
      try await under.hooks.expire(third.key.id)
      #expect(try await !leaks.one(clinic.root.secret).leavesNoRoot)
      #expect(try await leaks.one(second.secret).leavesNoRoot)
      #expect(try await !leaks.one(third.secret).leavesNoRoot)
      let keys = try await service.show(clinic.organisation.providerID).keys
      #expect(keys.filter(\.root).allSatisfy { $0.status == .revoked })
      #expect(try await child.verify().admitted != nil)
      let there = try await service.show(neighbour.organisation.providerID).keys
      #expect(there.map(\.status) == [.active])
    }
  }

  @Test(
    "A report that races a rotation, revocation, deletion or another report revokes the secret and logs once",
    arguments: Backend.allCases)
  func races(backend: Backend) async throws {
    try await backend.withStore { under in
      let leaks = try under.leaks()
      let keys = KeyService(store: under.store, peppers: try under.peppers)
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      for trial in 0..<24 {
        let key = try await under.key(of: clinic)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            let outcome = try await leaks.one(key.secret)
            #expect(outcome.isKey || trial % 4 != 3)
          }
          group.addTask {
            let by = clinic.credentials
            switch trial % 4 {
            case 0:
              let rotation = KeyRotation(id: key.id, overlapSeconds: trial < 12 ? 0 : 600)
              do {
                _ = try await keys.rotate(rotation, by: by)
              } catch Rejection.keyNotActive(.revoked) {}
            case 1: _ = try await keys.revoke(key.id, by: by)
            case 2: try await keys.delete(key.id, by: by)
            default:
              let outcome = try await leaks.one(key.secret)
              #expect(outcome.isKey)
            }
          }
          try await group.waitForAll()
        }
        #expect(try await key.verify().admitted == nil, "trial \(trial)")
        #expect(try await !key.authenticates())
        let revocations = try await under.auditLog().filter {
          $0.target == key.id.rawValue && $0.action == "key.revoked"
        }
        #expect(revocations.count <= 1, "trial \(trial)")
      }
    }
  }

  @Test(
    "No node admits a leaked secret once its report has been answered",
    arguments: Backend.allCases)
  func fenced(backend: Backend) async throws {
    try await backend.withStore { under in
      let leaks = try under.leaks()
      for _ in 0..<16 {
        let key = try await under.key()
        let ended = EndOfKey()
        try await withThrowingTaskGroup(of: Bool.self) { group in
          for worker in 0..<4 {
            group.addTask {
              var late = false
              for _ in 0..<12 {
                let wasEnded = ended.isAnswered.load(ordering: .sequentiallyConsistent)
                let admission = try await under.nodes[worker % 2].admit(key.request())
                if wasEnded && admission.admitted != nil { late = true }
              }
              return late
            }
          }
          group.addTask {
            _ = try await leaks.one(key.secret)
            ended.isAnswered.store(true, ordering: .sequentiallyConsistent)
            return false
          }
          for try await late in group { #expect(!late) }
        }
      }
    }
  }
}

/// Set once the report that revokes the key has been answered.
private final class EndOfKey: Sendable {
  let isAnswered = Atomic(false)
}

extension StoreUnderTest {
  /// The leak service with these peppers.
  ///
  /// Reports are not authenticated here.
  fileprivate func leaks(_ peppers: LeakPeppers = .test) throws -> LeakService {
    let key = P256.Signing.PrivateKey().publicKey
    return LeakService(
      store: store, peppers: try peppers.set,
      reporter: try ReporterKeys([(identifier: "test", der: Array(key.derRepresentation))]))
  }
}

/// The peppers the service knows.
private enum LeakPeppers {
  case test
  /// A newer pepper, then the test's pepper.
  case rotated

  var set: PepperSet {
    get throws {
      switch self {
      case .test: try .test
      case .rotated:
        try PepperSet([
          (id: "next", bytes: Array(repeating: 9, count: 32)),
          (id: "test", bytes: Array(repeating: 7, count: 32)),
        ])
      }
    }
  }
}

extension LeakService {
  /// Reports one key.
  fileprivate func one(_ secret: KeySecret) async throws -> LeakOutcome {
    let report = LeakReport(secret: secret, url: "https://github.com/o/r/blob/1/f", source: "content")
    let results = await end([report], requestID: .test)
    #expect(results.count == 1)
    return try #require(results.first).get()
  }
}

extension LeakOutcome {
  fileprivate var revoked: KeyID? {
    if case .revoked(let id, _, _) = self { id } else { nil }
  }

  fileprivate var superseded: KeyID? {
    if case .superseded(let id, _) = self { id } else { nil }
  }

  fileprivate var leavesNoRoot: Bool {
    if case .revoked(_, _, true) = self { true } else { false }
  }
}

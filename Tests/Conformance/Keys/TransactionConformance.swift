import KeymeterDomain
import KeymeterTesting
import Synchronization
import Testing

@Suite("Transactions", .timeLimit(.minutes(10)))
struct TransactionConformance {
  private struct Interruption: Error {}

  @Test("A transaction that throws leaves no row and no audit entry", arguments: Backend.allCases)
  func allOrNothing(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let before = try await under.auditLog()
      var random = RandomSource.seeded(8)
      let (new, _) = try NewKey.test("Undone", random: &random)
      await #expect(throws: Interruption.self) {
        try await under.entered(clinic.organisation.id) { transaction in
          let key = try await transaction.insert(new)
          try await transaction.append(
            AuditEntry(
              organisationID: clinic.organisation.id, principal: .commandLine, action: .keyCreated,
              target: key.id.rawValue, requestID: .test, changes: []))
          throw Interruption()
        }
      }
      #expect(try await under.entered(clinic.organisation.id) { try await $0.keys() }.count == 1)
      #expect(try await under.auditLog() == before)
    }
  }

  @Test("A statement without a tenant is rejected", arguments: Backend.allCases)
  func tenantMustBeNamed(backend: Backend) async throws {
    try await backend.withStore { under in
      await #expect(throws: (any Error).self) {
        _ = try await under.store.withTransaction { try await $0.keys() }
      }
    }
  }

  @Test(
    "A key that authenticated a change can't be deleted until the change is committed",
    arguments: Backend.allCases)
  func sharedLock(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let hashes = try under.peppers.hashes(of: clinic.root.secret)
      let events = EventLog()
      let deletion = try await under.entered(clinic.organisation.id) { transaction in
        _ = try #require(try await transaction.activeKey(hashes, lock: .shared))
        let deletion = Task {
          try await under.entered(clinic.organisation.id) { try await $0.delete(clinic.root.key.id) }
          events.append("deleted")
        }
        // Time for the deletion to commit first if nothing blocked it.
        try await Task.sleep(for: .milliseconds(200))
        events.append("changed")
        return deletion
      }
      try await deletion.value
      #expect(events.all == ["changed", "deleted"])
    }
  }
}

/// Records the order of events across tasks.
private final class EventLog: Sendable {
  private let events = Mutex<[String]>([])

  var all: [String] { events.withLock { $0 } }

  func append(_ event: String) { events.withLock { $0.append(event) } }
}

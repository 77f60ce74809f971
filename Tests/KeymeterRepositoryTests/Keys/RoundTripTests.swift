import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// Counts round trips to the database, `BEGIN` and `COMMIT` included, with all statements prepared.
@Suite("Round trips", .timeLimit(.minutes(10)))
struct RoundTripTests {
  @Test("A key is created in 5 round trips, and with an idempotency key in 7")
  func creation() async throws {
    try await withService { service in
      let draft = KeyDraft(friendlyName: try .test("Till"))
      let created = try await service.roundTrips {
        _ = try await service.keys.create(draft, by: service.clinic.credentials)
      }
      #expect(created == 5)
      let repeatable = try await service.roundTrips { number in
        let request = IdempotentRequest(
          name: try IdempotencyKey(validating: "\(number)"),
          fingerprint: RequestFingerprint(method: "POST", path: "/", body: []),
          secret: service.clinic.root.secret)
        _ = try await service.keys.create(
          { (draft, request) }, by: .test(service.clinic.credentials)
        ) { _ in TestResponse() }
      }
      #expect(repeatable == 7)
    }
  }

  @Test("A key is rotated, changed or revoked in at most 8 round trips")
  func changes() async throws {
    try await withService { service in
      let by = service.clinic.credentials
      let id = try await service.keys.create(KeyDraft(friendlyName: .test("Till")), by: by).key.id
      let rotated = try await service.roundTrips {
        _ = try await service.keys.rotate(KeyRotation(id: id, overlapSeconds: 60), by: by)
      }
      #expect(rotated == 8)
      let updated = try await service.roundTrips { number in
        _ = try await service.keys.update(KeyUpdate(id: id, requests: .set(Int64(number))), by: by)
      }
      #expect(updated == 8)
      let keys = [
        try await service.keys.create(KeyDraft(friendlyName: .test("One")), by: by).key.id,
        try await service.keys.create(KeyDraft(friendlyName: .test("Two")), by: by).key.id,
      ]
      let revoked = try await service.roundTrips { number in
        _ = try await service.keys.revoke(keys[number], by: by)
      }
      #expect(revoked == 8)
    }
  }

  @Test("A caller reads its own key in 3 round trips")
  func ownKey() async throws {
    try await withService { service in
      let read = try await service.roundTrips {
        _ = try await service.keys.ownKey(service.clinic.credentials)
      }
      #expect(read == 3)
    }
  }

  private struct Service: Sendable {
    let pool: ConnectionPool
    let keys: KeyService
    let clinic: TestOrganisation

    /// The calls of the second run: the first one prepares the statements.
    func roundTrips(_ body: (Int) async throws -> Void) async throws -> UInt64 {
      try await body(0)
      let before = try await pool.withConnection { await $0.callCount }
      try await body(1)
      return try await pool.withConnection { await $0.callCount } - before
    }

    func roundTrips(_ body: () async throws -> Void) async throws -> UInt64 {
      try await roundTrips { _ in try await body() }
    }
  }

  private func withService(_ body: (Service) async throws -> Void) async throws {
    try await TestDatabase.withMigrated { database in
      let clinic = try await database.withPool { owner in
        try await TestOrganisation.create("clinic", in: PostgresTenantStore(pool: owner))
      }
      try await database.withPool(maximumConnections: 1, as: .app) { pool in
        let keys = KeyService(store: PostgresTenantStore(pool: pool), peppers: try .test)
        try await body(Service(pool: pool, keys: keys, clinic: clinic))
      }
    }
  }
}

import Crypto
import KeymeterDomain
import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// Tries to open a stored response as a thief of the database would.
///
/// The documented decryption is repeated here.
@Suite("Stored responses", .timeLimit(.minutes(10)))
struct SealedResponseTests {
  private static let name = "order 7"
  private static let pepper = [UInt8](repeating: 7, count: 32)

  @Test("Only the caller's key opens a stored response, and the database with the pepper does not")
  func opens() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let clinic = try await TestOrganisation.create("clinic", in: PostgresTenantStore(pool: pool))
        let secret = try await create(clinic, on: pool)
        let row = try await row(on: pool)
        let opened = try #require(try open(row, with: Array(clinic.root.secret.revealed.utf8), clinic))
        #expect(String(decoding: opened, as: UTF8.self).hasSuffix(secret))
        for column in [row.nameHash, row.salt, row.box] {
          #expect(!contains(column, Array(secret.utf8)) && !contains(column, Array(Self.name.utf8)))
        }
        for material in try materials(row, clinic) {
          #expect(try open(row, with: material, clinic) == nil)
        }
      }
    }
  }

  @Test("A stored response is purged after 24 hours and not before")
  func swept() async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        let clinic = try await TestOrganisation.create("clinic", in: PostgresTenantStore(pool: pool))
        _ = try await create(clinic, on: pool)
        #expect(try await hoursLeft(on: pool) == 24)
        #expect(try await UsageMaintenance(pool: pool).purge() == 0)
        try await pool.withConnection {
          try await $0.executeScript("UPDATE keymeter.idempotency_keys SET expires_at = now()")
        }
        #expect(try await UsageMaintenance(pool: pool).purge() == 1)
        #expect(try await UsageMaintenance(pool: pool).purge() == 0)
      }
    }
  }

  private struct StoredRow {
    let nameHash: [UInt8]
    let salt: [UInt8]
    let box: [UInt8]
    let secretHashes: [[UInt8]]
  }

  /// Creates a key under an idempotency key and returns its secret.
  private func create(_ clinic: TestOrganisation, on pool: ConnectionPool) async throws -> String {
    let draft = KeyDraft(friendlyName: try .test("Child"))
    let request = IdempotentRequest(
      name: try IdempotencyKey(validating: Self.name),
      fingerprint: RequestFingerprint(method: "POST", path: "/", body: []), secret: clinic.root.secret)
    let answer = try await KeyService(store: PostgresTenantStore(pool: pool), peppers: try .test).create(
      { (draft, request) }, by: .test(clinic.credentials)
    ) { issued in
      TestResponse(Array(issued.secret.revealed.utf8))
    }
    return String(decoding: answer.body, as: UTF8.self)
  }

  private func open(_ row: StoredRow, with material: [UInt8], _ clinic: TestOrganisation) throws -> [UInt8]? {
    let key = HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: material), salt: row.salt,
      info: Array("keymeter idempotency answer 1\n\(Self.name)".utf8), outputByteCount: 32)
    let bound = "\(clinic.organisation.id)\n\(clinic.root.key.id)\n\(Self.name)"
    let box = try AES.GCM.SealedBox(combined: row.box)
    return (try? AES.GCM.open(box, using: key, authenticating: Array(bound.utf8))).map { Array($0) }
  }

  /// All values that the database and the pepper provide, alone and combined.
  private func materials(_ row: StoredRow, _ clinic: TestOrganisation) throws -> [[UInt8]] {
    let stored =
      [row.nameHash, row.salt, row.box, Self.pepper] + row.secretHashes
      + [clinic.root.key.hint, clinic.root.key.id.rawValue].map { Array($0.utf8) }
    let keyed = stored.map {
      Array(HMAC<SHA256>.authenticationCode(for: $0, using: SymmetricKey(data: Self.pepper)))
    }
    return [[]] + stored + keyed + stored.flatMap { one in stored.map { one + $0 } }
  }

  private func row(on pool: ConnectionPool) async throws -> StoredRow {
    let statement = Statement(
      "test_sealed_answer",
      """
      SELECT name_hash, salt, sealed_answer,
        ARRAY(SELECT secret_hash FROM keymeter.api_key_secrets) AS secret_hashes
      FROM keymeter.idempotency_keys
      """)
    let rows = try await pool.withConnection { try await $0.execute(statement).rows }
    #expect(rows.count == 1)
    return StoredRow(
      nameHash: try rows[0].decode("name_hash", as: [UInt8].self),
      salt: try rows[0].decode("salt", as: [UInt8].self),
      box: try rows[0].decode("sealed_answer", as: [UInt8].self),
      secretHashes: try rows[0].decode("secret_hashes", as: [[UInt8]].self))
  }

  private func hoursLeft(on pool: ConnectionPool) async throws -> Int {
    let statement = Statement(
      "test_hours_left",
      """
      SELECT round(extract(epoch FROM expires_at - now()) / 3600)::int AS hours FROM keymeter.idempotency_keys
      """)
    return try await pool.withConnection {
      try await $0.execute(statement).rows[0].decode("hours", as: Int.self)
    }
  }

  private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    bytes.indices.contains { bytes[$0...].starts(with: part) }
  }
}

import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// Calls each admission function directly, because which one a node calls depends on timing.
@Suite("Addresses in the admission functions", .timeLimit(.minutes(10)))
struct AddressAdmissionTests {
  @Test("An allowed address is admitted, and a disallowed or unknown one rejected, alone and in a batch")
  func oneByOne() async throws {
    try await Self.with { (session) async throws -> Void in
      let cases = [
        ("'10.1.2.3'", "admitted"), ("'11.0.0.1'", "address_not_allowed"), ("NULL", "address_not_allowed"),
      ]
      for (address, decision) in cases {
        #expect(try await session.decisions(.admit, of: ["listed"], from: [address]) == [decision])
        let many = try await session.decisions(
          .many, of: ["listed", "free", "listed"], from: [address, address, "'10.0.0.1'"])
        #expect(many == [decision, "admitted", "admitted"])
      }
    }
  }

  @Test("A group without an address is undecided only if its key restricts addresses")
  func groups() async throws {
    try await Self.with { (session) async throws -> Void in
      let decisions = try await session.decisions(
        .groups, of: ["listed", "free"], from: ["'10.1.2.3'", "'10.1.2.3'"])
      #expect(decisions == ["admitted", "admitted"])
      #expect(
        try await session.decisions(.groups, of: ["listed", "free"], from: ["'11.0.0.1'", "NULL"])
          == ["address_not_allowed", "admitted"])
      #expect(
        try await session.decisions(.groups, of: ["listed", "free"], from: ["NULL", "NULL"])
          == ["undecided", "admitted"])
      let used = try await session.used()
      #expect(used == ["free 3", "listed 1"])
    }
  }

  @Test(
    "allowed_cidrs takes 1 to 50 ranges only",
    arguments: [
      ("'{}'", "23514"), ("ARRAY[NULL]::cidr[]", "23514"), ("'{{10.0.0.0/8},{11.0.0.0/8}}'", "23514"),
      ("(SELECT array_agg(('10.0.0.' || n)::cidr) FROM generate_series(0, 50) AS n)", "23514"),
      ("'{10.0.0.1/8}'", "22P02"), ("NULL", nil),
      ("(SELECT array_agg(('10.0.0.' || n)::cidr) FROM generate_series(0, 49) AS n)", nil),
    ] as [(String, String?)])
  func column(value: String, rejection: String?) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool(maximumConnections: 1) { pool in
        try await pool.withConnection { try await $0.executeScript(ReportingSeed.key("key_1")) }
        let refused = try await RoleSession(pool: pool).rejection(
          of: "UPDATE keymeter.api_keys SET allowed_cidrs = \(value)")
        #expect(refused == rejection)
      }
    }
  }

  fileprivate enum AdmissionFunction: String {
    case admit
    case many = "admit_many"
    case groups = "admit_groups"
  }

  private static func with(_ body: (AddressSession) async throws -> Void) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool(maximumConnections: 1) { pool in
        try await pool.withConnection { connection in
          for key in ["free", "listed"] {
            try await connection.executeScript(
              """
              \(ReportingSeed.key(key))
              \(ReportingSeed.month(key, used: "0, 0, 0"))
              INSERT INTO keymeter.api_key_secrets (organisation_id, key_id, secret_hash, pepper_id)
              VALUES ('org_a', '\(key)', sha256('\(key)'), 'p');
              """)
          }
          try await connection.executeScript(
            """
            UPDATE keymeter.api_keys SET allowed_cidrs = '{10.0.0.0/8}' WHERE key_id = 'listed';
            UPDATE keymeter.usage_monthly SET day = \(ReportingSeed.today);
            """)
        }
      }
      try await database.withPool(maximumConnections: 1, as: .app) { pool in
        try await body(AddressSession(pool: pool))
      }
    }
  }
}

/// Calls the functions as the server's role.
private struct AddressSession {
  let pool: ConnectionPool

  /// - Parameter addresses: SQL, one for each key.
  func decisions(
    _ function: AddressAdmissionTests.AdmissionFunction, of keys: [String], from addresses: [String]
  ) async throws -> [String] {
    func all(_ value: String) -> String { "array_fill(\(value), ARRAY[\(keys.count)])" }
    let hashes = "ARRAY[\(keys.map { "sha256('\($0)')" }.joined(separator: ", "))]"
    let counts = function == .groups ? "\(all("1")), " : ""
    let list = addresses.joined(separator: ", ")
    let arguments =
      function == .admit
      ? "\(hashes), NULL, 1, 0, 0, NULL, NULL, \(list)"
      : """
      \(hashes), \(all("NULL::text")), \(counts)\(all("1::bigint")), \(all("0::bigint")), \(all("0::bigint")),
      \(all("NULL::text")), \(all("NULL::text")), ARRAY[\(list)]::inet[]
      """
    let sql = "SELECT decision FROM keymeter.\(function.rawValue)(\(arguments)) ORDER BY position"
    return try await pool.withTransaction { connection in
      try await connection.execute(Statement("test_\(sql.hashValue)", sql)).rows.map {
        try $0.decode("decision", as: String.self)
      }
    }
  }

  func used() async throws -> [String] {
    try await pool.withTransaction { connection in
      _ = try await connection.execute(
        Statement("test_enter", "SELECT set_config('keymeter.organisation_id', 'org_a', true) AS entered"))
      return try await connection.execute(
        Statement(
          "test_used",
          "SELECT key_id || ' ' || used_requests AS line FROM keymeter.usage_monthly ORDER BY key_id")
      ).rows.map { try $0.decode("line", as: String.self) }
    }
  }
}

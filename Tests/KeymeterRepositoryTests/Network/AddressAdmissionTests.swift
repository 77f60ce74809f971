import KeymeterTesting
import Postgres
import Testing

@testable import KeymeterRepository

/// Calls each admission function directly, because which one a node calls depends on timing.
@Suite("Addresses in the admission functions", .timeLimit(.minutes(1)))
struct AddressAdmissionTests {
  @Test("An allowed address is admitted, and a disallowed or unknown one rejected, alone and in a batch")
  func oneByOne() async throws {
    try await Self.with { (session) async throws -> Void in
      for (address, decision) in [("'10.1.2.3'", 0), ("'11.0.0.1'", 12), ("NULL", 12)] as [(String, Int32)] {
        #expect(try await session.decisions(.admit, of: ["listed"], from: [address]) == [decision])
        let many = try await session.decisions(
          .many, of: ["listed", "free", "listed"], from: [address, address, "'10.0.0.1'"])
        #expect(many == [decision, 0, 0])
      }
    }
  }

  @Test("A group without an address is undecided only if its key restricts addresses")
  func groups() async throws {
    try await Self.with { (session) async throws -> Void in
      let decisions = try await session.decisions(
        .groups, of: ["listed", "free"], from: ["'10.1.2.3'", "'10.1.2.3'"])
      #expect(decisions == [0, 0])
      #expect(
        try await session.decisions(.groups, of: ["listed", "free"], from: ["'11.0.0.1'", "NULL"]) == [12, 0])
      #expect(
        try await session.decisions(.groups, of: ["listed", "free"], from: ["NULL", "NULL"]) == [11, 0])
      let used = try await session.used()
      #expect(used == ["free 3", "listed 1"])
    }
  }

  @Test("A node of the previous version, which sends no addresses, is served for keys without a list")
  func formerCalls() async throws {
    try await Self.with { (session) async throws -> Void in
      for function in AdmissionFunction.allCases {
        let decision: Int32 = function == .groups ? 11 : 12
        if function == .admit {
          #expect(try await session.decisions(function, of: ["free"], from: nil) == [0])
          #expect(try await session.decisions(function, of: ["listed"], from: nil) == [decision])
        } else {
          #expect(try await session.decisions(function, of: ["free", "listed"], from: nil) == [0, decision])
        }
      }
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
  func column(value: String, refusal: String?) async throws {
    try await TestDatabase.withMigrated { database in
      try await database.withPool(maximumConnections: 1) { pool in
        try await pool.withConnection { try await $0.executeScript(ReportingSeed.key("key_1")) }
        let refused = try await RoleSession(pool: pool).refusal(
          of: "UPDATE keymeter.api_keys SET allowed_cidrs = \(value)")
        #expect(refused == refusal)
      }
    }
  }

  fileprivate enum AdmissionFunction: String, CaseIterable {
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

  /// - Parameter addresses: SQL, one for each key; `nil` calls the function as it was before it took addresses.
  func decisions(
    _ function: AddressAdmissionTests.AdmissionFunction, of keys: [String], from addresses: [String]?
  ) async throws -> [Int32] {
    func all(_ value: String) -> String { "array_fill(\(value), ARRAY[\(keys.count)])" }
    let hashes = keys.map { "sha256('\($0)')" }.joined(separator: ", ")
    let counts = function == .groups ? "\(all("1")), " : ""
    var rest: [String] = function == .many ? ["0::smallint"] : []
    if let addresses {
      if function == .admit { rest.append("0::smallint") }
      rest.append("ARRAY[\(addresses.joined(separator: ", "))]::inet[]")
    }
    let sql = """
      SELECT decision::integer AS decision FROM keymeter.\(function.rawValue)(
        ARRAY[\(hashes)], \(all("NULL::text")), \(counts)\(all("1::bigint")), \(all("0::bigint")),
        \(all("0::bigint")), \(all("NULL::text")), \(all("NULL::text"))\(rest.map { ", \($0)" }.joined()))
      ORDER BY position
      """
    return try await pool.withTransaction { connection in
      try await connection.execute(Statement("test_\(sql.hashValue)", sql)).rows.map {
        try $0.decode("decision", as: Int32.self)
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

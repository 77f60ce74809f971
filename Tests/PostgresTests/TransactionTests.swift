import Postgres
import Testing

@Suite(.timeLimit(.minutes(10)))
struct TransactionTests {
  private static let insert = Statement("insert_t", "INSERT INTO t (a) VALUES ($1)")
  private static let count = Statement("count_t", "SELECT count(*) AS n FROM t")

  private struct Refused: Error {}

  private func withTable(_ body: (ConnectionPool) async throws -> Void) async throws {
    try await withPool { pool in
      try await pool.withConnection { try await $0.executeScript("CREATE TABLE t (a bigint PRIMARY KEY)") }
      try await body(pool)
    }
  }

  private func expectRows(_ expected: Int, _ pool: ConnectionPool) async throws {
    let count: Int = try await pool.withConnection { try await $0.execute(Self.count).rows[0].decode("n") }
    #expect(count == expected)
  }

  @Test func `a transaction's changes are committed when it returns`() async throws {
    try await withTable { pool in
      let value = try await pool.withTransaction { connection in
        _ = try await connection.execute(Self.insert, [.int8(1)])
        return "done"
      }
      #expect(value == "done")
      try await expectRows(1, pool)
    }
  }

  @Test func `a body that throws rolls back and rethrows`() async throws {
    try await withTable { pool in
      await #expect(throws: Refused.self) {
        try await pool.withTransaction { connection in
          _ = try await connection.execute(Self.insert, [.int8(1)])
          throw Refused()
        }
      }
      try await expectRows(0, pool)
      #expect(pool.statistics.idle == 1)
    }
  }

  @Test func `a COMMIT that the server turned into a ROLLBACK is an error`() async throws {
    try await withTable { pool in
      let error = await postgresError {
        try await pool.withTransaction { connection in
          _ = try await connection.execute(Self.insert, [.int8(1)])
          _ = try? await connection.execute(Self.insert, [.int8(1)])
        }
      }
      #expect(error?.kind == .transactionRolledBack)
      try await expectRows(0, pool)
    }
  }

  @Test func `a constraint violated at commit is a server error`() async throws {
    try await withTable { pool in
      try await pool.withConnection {
        try await $0.executeScript(
          "CREATE TABLE child (a bigint CONSTRAINT child_t REFERENCES t DEFERRABLE INITIALLY DEFERRED)")
      }
      let error = await postgresError {
        try await pool.withTransaction { connection in
          _ = try await connection.execute(Statement("child", "INSERT INTO child VALUES (9)"))
        }
      }
      #expect(error?.sqlState == SQLState(rawValue: "23503"))
      #expect(error?.constraint == "child_t")
    }
  }

  @Test func `a connection lost during COMMIT leaves the outcome unknown and is not retried`() async throws {
    try await withTable { pool in
      try await pool.withConnection { connection in
        // The backend terminates itself during COMMIT.
        try await connection.executeScript(
          """
          CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END $$;
          CREATE CONSTRAINT TRIGGER die AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION die();
          """)
      }
      let runs = Shared(0)
      let error = await postgresError {
        try await pool.withTransaction { connection in
          runs.withLock { $0 += 1 }
          _ = try await connection.execute(Self.insert, [.int8(1)])
        }
      }
      #expect(error?.kind == .commitOutcomeUnknown)
      #expect(runs.withLock { $0 } == 1)
      try await expectRows(0, pool)
    }
  }

  @Test func `serialisation failures are retried, so no increment is lost`() async throws {
    try await withTable { pool in
      _ = try await pool.withConnection { try await $0.execute(Self.insert, [.int8(0)]) }
      try await withThrowingTaskGroup { group in
        for _ in 0..<4 {
          group.addTask {
            try await pool.withTransaction(maximumAttempts: 50) { connection in
              try await connection.executeScript("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
              let old: Int64 = try await connection.execute(Statement("read", "SELECT a FROM t")).rows[0]
                .decode("a")
              _ = try await connection.execute(Statement("write", "UPDATE t SET a = $1"), [.int8(old + 1)])
            }
          }
        }
        try await group.waitForAll()
      }
      let total: Int64 = try await pool.withConnection {
        try await $0.execute(Statement("read", "SELECT a FROM t")).rows[0].decode("a")
      }
      #expect(total == 4)
    }
  }

  @Test(arguments: ["40001", "40P01"])
  func `serialisation failures and deadlocks are retried up to the limit only`(code: String) async throws {
    try await withTable { pool in
      let runs = Shared(0)
      let fail = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '\(code)'; END $$"
      let error = await postgresError {
        try await pool.withTransaction(maximumAttempts: 3) { connection in
          runs.withLock { $0 += 1 }
          _ = try await connection.execute(Statement("fail", fail))
        }
      }
      #expect(error?.isSerializationFailure == true)
      #expect(runs.withLock { $0 } == 3)
    }
  }

  @Test func `a serialisation failure is retried even if the body throws another error`() async throws {
    try await withTable { pool in
      let runs = Shared(0)
      await #expect(throws: Refused.self) {
        try await pool.withTransaction(maximumAttempts: 2) { connection in
          runs.withLock { $0 += 1 }
          do {
            try await connection.executeScript("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$")
          } catch {
            throw Refused()
          }
        }
      }
      #expect(runs.withLock { $0 } == 2)
    }
  }

  @Test func `other errors are not retried`() async throws {
    try await withTable { pool in
      let runs = Shared(0)
      let error = await postgresError {
        try await pool.withTransaction { connection in
          runs.withLock { $0 += 1 }
          _ = try await connection.execute(Statement("syntax", "SELEC"))
        }
      }
      #expect(error?.sqlState == SQLState(rawValue: "42601"))
      #expect(runs.withLock { $0 } == 1)
    }
  }

  @Test func `a read-only transaction rejects writes`() async throws {
    try await withTable { pool in
      let error = await postgresError {
        try await pool.withTransaction(readOnly: true) { connection in
          _ = try await connection.execute(Self.insert, [.int8(1)])
        }
      }
      #expect(error?.sqlState == .readOnlyTransaction)
    }
  }

  @Test func `a cancelled transaction is rolled back and its connection returns to the pool`() async throws {
    try await withTable { pool in
      let task = Task {
        try await pool.withTransaction { connection in
          _ = try await connection.execute(Self.insert, [.int8(1)])
          _ = try await connection.execute(Statement("sleep", "SELECT pg_sleep(30)"))
        }
      }
      try await Task.sleep(for: .milliseconds(200))
      task.cancel()
      #expect(await postgresError { try await task.value }?.kind == .cancelled)
      #expect(pool.statistics.idle == 1)
      try await expectRows(0, pool)
    }
  }

  @Test func `a transaction left open is rolled back on release`() async throws {
    try await withTable { pool in
      try await pool.withConnection { connection in
        try await connection.executeScript("BEGIN; INSERT INTO t VALUES (1)")
        #expect(connection.transactionStatus == .inTransaction)
      }
      #expect(pool.statistics.idle == 1)
      try await expectRows(0, pool)
    }
  }

  @Test func `a nested transaction is rejected`() async throws {
    try await withTable { pool in
      let error = await postgresError {
        try await pool.withTransaction { connection in try await connection.transaction { _ in } }
      }
      #expect(error?.kind == .invalidParameter)
    }
  }
}

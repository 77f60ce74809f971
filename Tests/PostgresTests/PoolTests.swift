import KeymeterTesting
import Postgres
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite(.timeLimit(.minutes(10)))
struct PoolTests {
  @Test func `a caller that gets no connection within the wait limit gets a pool error`() async throws {
    try await withPool(.init(maximumConnections: 1, waitLimit: .seconds(2))) { pool in
      try await pool.withConnection { _ in
        let error = await postgresError { try await pool.withConnection { _ in } }
        #expect(error?.kind == .poolExhausted)
      }
      #expect(try await pool.withConnection { try await $0.echo(1) } == 1)
    }
  }

  @Test func `the pool never exceeds its maximum, and all callers are served`() async throws {
    try await withPool(.init(maximumConnections: 3, waitLimit: .seconds(120))) { pool in
      let now = Shared(0)
      let most = Shared(0)
      try await withThrowingTaskGroup { group in
        for number in 0..<60 as Range<Int64> {
          group.addTask {
            try await pool.withConnection { connection in
              let leased = now.withLock { count in
                count += 1
                return count
              }
              most.withLock { $0 = max($0, leased) }
              try await connection.expectEcho(number)
              now.withLock { $0 -= 1 }
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(most.withLock { $0 } <= 3)
      #expect(pool.statistics.idle <= 3)
    }
  }

  @Test func `an unreachable database fails callers long before the wait limit`() async throws {
    let configuration = try ConnectionConfiguration(url: "postgresql://user@127.0.0.1:1/none")
    let pool = ConnectionPool(
      configuration: configuration, options: .init(maximumConnections: 2, waitLimit: .seconds(500)),
      logger: quietLogger)
    let start = ContinuousClock.now
    await withTaskGroup { group in
      for _ in 0..<20 {
        group.addTask {
          #expect(await postgresError { try await pool.withConnection { _ in } }?.kind == .connectionFailed)
        }
      }
    }
    #expect(ContinuousClock.now - start < .seconds(60))
    await pool.close()
  }

  @Test func `a closed pool rejects new callers, waits for current ones, and can be closed again`()
    async throws
  {
    try await withDatabase { database in
      let configuration = try ConnectionConfiguration(url: database.url)
      let pool = ConnectionPool(configuration: configuration, logger: quietLogger)
      let finished = Shared(false)
      let (leased, report) = AsyncStream.makeStream(of: Void.self)
      let user = Task {
        try await pool.withConnection { connection in
          report.finish()
          _ = try await connection.execute(Statement("sleep", "SELECT pg_sleep(0.3)"))
          finished.withLock { $0 = true }
        }
      }
      for await _ in leased {}
      await pool.close()
      #expect(finished.withLock { $0 })
      try await user.value
      #expect(await postgresError { try await pool.withConnection { _ in } }?.kind == .poolClosed)
      await pool.close()
    }
  }

  @Test func `closing gives up waiting at its limit`() async throws {
    try await withPool(.init(waitLimit: .seconds(120), closeLimit: .milliseconds(100))) { pool in
      try await pool.withConnection { _ in await pool.close() }
    }
  }

  @Test func `blocked statements don't block the cooperative thread pool`() async throws {
    let wait = Statement("wait", "SELECT pg_advisory_xact_lock(1)")
    let waiting = Statement(
      "waiting", "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    try await withPool(.init(maximumConnections: 9, waitLimit: .seconds(120))) { pool in
      try await pool.withConnection { holder in
        try await holder.executeScript("SELECT pg_advisory_lock(1)")
        try await withThrowingTaskGroup { group in
          for _ in 0..<8 {
            group.addTask { try await pool.withConnection { _ = try await $0.execute(wait) } }
          }
          // If the eight statements blocked the cooperative pool's threads, this loop could not run and release the
          // lock. The statement timeout would then fail the test.
          while try await holder.execute(waiting).rows[0].decode("n", as: Int.self) < 8 {
            try await Task.sleep(for: .milliseconds(10))
          }
          try await holder.executeScript("SELECT pg_advisory_unlock(1)")
          try await group.waitForAll()
        }
      }
    }
  }

  @Test func `maintenance closes idle connections`() async throws {
    let options = ConnectionPool.Options(
      waitLimit: .seconds(120), maximumIdleTime: .milliseconds(50), idleCheckInterval: .milliseconds(20),
      closeLimit: .seconds(2))
    try await withPool(options) { pool in
      _ = try await pool.withConnection { try await $0.echo(1) }
      let maintenance = Task { await pool.run() }
      while pool.statistics.idle > 0 { try await Task.sleep(for: .milliseconds(10)) }
      maintenance.cancel()
      await maintenance.value
      #expect(try await pool.withConnection { try await $0.echo(2) } == 2)
    }
  }

  @Test func `maintenance keeps idle connections that pass their liveness check`() async throws {
    try await withPool(
      .init(waitLimit: .seconds(120), idleCheckInterval: .milliseconds(10), closeLimit: .seconds(2))
    ) { pool in
      let process = try await pool.withConnection { try await $0.backendProcess() }
      let maintenance = Task { await pool.run() }
      try await Task.sleep(for: .milliseconds(100))
      maintenance.cancel()
      await maintenance.value
      #expect(try await pool.withConnection { try await $0.backendProcess() } == process)
    }
  }

  #if canImport(Glibc)
    @Test func `closed and dropped connections leave no backend behind`() async throws {
      try await withPool(.init(maximumConnections: 2, waitLimit: .seconds(120))) { pool in
        try await withDatabase { database in
          let configuration = try ConnectionConfiguration(url: database.url, applicationName: "leak_test")
          for round in 0..<20 {
            let connection = try await Connection.connect(configuration, logger: quietLogger)
            if round % 2 == 0 { await connection.close() }
          }
          // A backend needs a moment to notice.
          for _ in 0..<500 {
            let count: Int = try await pool.withConnection {
              try await $0.execute(
                Statement(
                  "leaks", "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'leak_test'")
              ).rows[0].decode("n")
            }
            if count == 0 { return }
            try await Task.sleep(for: .milliseconds(10))
          }
          Issue.record("connections were left open")
        }
      }
    }
  #endif
}

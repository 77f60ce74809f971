import Postgres
import Testing

@Suite(.timeLimit(.minutes(10)))
struct CancellationTests {
  private static let sleep = Statement("sleep", "SELECT pg_sleep($1::bigint / 1000.0)")

  @Test func `a cancelled statement returns promptly and its connection stays usable`() async throws {
    try await withConnection(statementTimeout: .seconds(600)) { connection in
      let start = ContinuousClock.now
      let task = Task { try await connection.execute(Self.sleep, [.int8(500_000)]) }
      try await Task.sleep(for: .milliseconds(100))
      task.cancel()
      #expect(await postgresError { _ = try await task.value }?.kind == .cancelled)
      #expect(ContinuousClock.now - start < .seconds(60))
      #expect(connection.isUsable)
      try await connection.expectEcho(7)
    }
  }

  @Test func `a task cancelled in advance sends nothing`() async throws {
    try await withConnection { connection in
      try await connection.executeScript("CREATE TABLE t (a int)")
      let task = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        _ = try await connection.execute(Statement("insert", "INSERT INTO t VALUES (1)"))
      }
      #expect(await postgresError { try await task.value }?.kind == .cancelled)
      let count: Int = try await connection.execute(Statement("count", "SELECT count(*) AS n FROM t")).rows[0]
        .decode("n")
      #expect(count == 0)
    }
  }

  @Test func `hundreds of cancellations at random times never affect the next statement`() async throws {
    try await withConnection { connection in
      for round in 0..<400 as Range<Int64> {
        // The statement takes about as long as a cancellation takes to arrive, so either can win.
        let task = Task { try await connection.execute(Self.sleep, [.int8(1)]) }
        try await Task.sleep(for: .microseconds(Int.random(in: 0...2_500)))
        task.cancel()
        let error = await postgresError { _ = try await task.value }
        #expect(error == nil || error?.kind == .cancelled)
        try await connection.expectEcho(round)
        _ = try await connection.execute(Self.sleep, [.int8(1)])
      }
      #expect(connection.isUsable)
    }
  }

  @Test func `a cancelled waiter gets no connection and leaks none`() async throws {
    try await withPool(.init(maximumConnections: 1, waitLimit: .seconds(120))) { pool in
      try await withThrowingTaskGroup { group in
        for _ in 0..<300 {
          group.addTask {
            let task = Task { try await pool.withConnection { _ = try await $0.echo(1) } }
            try await Task.sleep(for: .microseconds(Int.random(in: 0...20_000)))
            task.cancel()
            let error = await postgresError { try await task.value }
            #expect(error == nil || error?.kind == .cancelled)
          }
        }
        try await group.waitForAll()
      }
      #expect(try await pool.withConnection { try await $0.echo(2) } == 2)
      #expect(pool.statistics.idle == 1)
      #expect(pool.statistics.leased == 0)
      #expect(pool.statistics.waiting == 0)
    }
  }
}

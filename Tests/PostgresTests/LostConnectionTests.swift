import Testing

@testable import Postgres

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite(.timeLimit(.minutes(10)))
struct LostConnectionTests {
  private static let terminate = Statement("terminate", "SELECT pg_terminate_backend($1, 5000)")

  @Test func `a backend that dies during a statement is reported as a lost connection`() async throws {
    try await withPool { pool in
      try await pool.withConnection { killer in
        let error = await postgresError {
          try await pool.withConnection { victim in
            let process = try await victim.backendProcess()
            async let sleep = victim.execute(Statement("sleep", "SELECT pg_sleep(30)"))
            _ = try await killer.execute(Self.terminate, [.int4(process)])
            _ = try await sleep
          }
        }
        #expect(error?.kind == .connectionLost)
        #expect(error?.isUnavailable == true)
      }
      #expect(pool.statistics.idle == 1)
      #expect(try await pool.withConnection { try await $0.echo(3) } == 3)
    }
  }

  @Test func `a connection that ends without a server message is reported as lost`() async throws {
    try await withPool { pool in
      let error = await postgresError {
        try await pool.withConnection { connection in
          async let sleep = connection.execute(Statement("sleep", "SELECT pg_sleep(30)"))
          try await Task.sleep(for: .milliseconds(100))
          shutdown(connection.signals.descriptor, Int32(SHUT_RDWR))
          _ = try await sleep
        }
      }
      #expect(error?.kind == .connectionLost)
      #expect(error?.sqlState == nil)
      try await pool.withConnection { try await $0.expectEcho(2) }
    }
  }

  @Test func `dead idle connections are detected before they are leased`()
    async throws
  {
    try await withPool { pool in
      var processes: [Int32] = []
      try await pool.withConnection { first in
        try await pool.withConnection { second in
          processes = [try await first.backendProcess(), try await second.backendProcess()]
        }
      }
      #expect(pool.statistics.idle == 2)
      try await pool.withConnection { killer in
        // One of the two processes is the killer's own. It is killed last.
        let own = try await killer.backendProcess()
        for process in processes where process != own {
          _ = try await killer.execute(Self.terminate, [.int4(process)])
        }
        _ = try? await killer.execute(Self.terminate, [.int4(own)])
      }
      for round in 0..<5 as Range<Int64> {
        #expect(try await pool.withConnection { try await $0.echo(round) } == round)
      }
    }
  }

  @Test func `a frozen backend costs the caller no more than the deadline, and the pool recovers`()
    async throws
  {
    try await withPool { pool in
      let process = try await pool.withConnection { try await $0.backendProcess() }
      kill(process, SIGSTOP)
      defer { kill(process, SIGCONT) }
      let start = ContinuousClock.now
      let error = await postgresError {
        try await pool.withConnection { connection in
          defer { #expect(!connection.isUsable) }
          _ = try await connection.execute(Statement("one", "SELECT 1"), deadline: .milliseconds(300))
        }
      }
      #expect(error?.kind == .deadlineExceeded)
      #expect(error?.isUnavailable == true)
      #expect(ContinuousClock.now - start < .seconds(60))
      let other = try await pool.withConnection { try await $0.backendProcess() }
      #expect(other != process)
      kill(process, SIGCONT)
      #expect(try await pool.withConnection { try await $0.echo(4) } == 4)
    }
  }

  @Test func `cancelling a statement on a frozen backend returns in bounded time`() async throws {
    try await withPool { pool in
      let process = try await pool.withConnection { try await $0.backendProcess() }
      kill(process, SIGSTOP)
      defer { kill(process, SIGCONT) }
      let start = ContinuousClock.now
      let task = Task { try await pool.withConnection { _ = try await $0.echo(1) } }
      try await Task.sleep(for: .milliseconds(100))
      task.cancel()
      #expect(await postgresError { try await task.value }?.kind == .cancelled)
      #expect(ContinuousClock.now - start < .seconds(60))
      #expect(try await pool.withConnection { try await $0.echo(5) } == 5)
    }
  }

  @Test func `a transaction that loses its connection during BEGIN is retried on another`() async throws {
    try await withPool { pool in
      let process = try await pool.withConnection { try await $0.backendProcess() }
      // The frozen backend still looks alive when it is leased. It then dies instead of completing BEGIN.
      kill(process, SIGSTOP)
      async let number = pool.withTransaction { try await $0.echo(6) }
      try await Task.sleep(for: .milliseconds(200))
      kill(process, SIGTERM)
      kill(process, SIGCONT)
      #expect(try await number == 6)
    }
  }
}

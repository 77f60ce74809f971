import KeymeterHandlers
import KeymeterRepository
import Postgres
import ServiceLifecycle
import Synchronization

/// Reports in bounded time whether the node is ready, however slow its database is.
///
/// Each check queries the database: nothing is cached. Concurrent checks share one query.
final class ReadinessCheck: Service {
  /// The time limit of a check.
  ///
  /// Together with `interval`, a lost database is noticed within 2 s.
  static let longestWait = Duration.milliseconds(1_000)
  /// The interval between the node's own checks, for the metrics.
  static let interval = Duration.milliseconds(900)

  private let probe: @Sendable () async -> Readiness
  private let sleep: Sleep
  private let found: @Sendable (Readiness) -> Void
  private let inFlight = Mutex<Task<Readiness, Never>?>(nil)

  /// - Parameters:
  ///   - probe: Queries the database. May never return.
  ///   - sleep: Waits, by a test's clock in tests.
  ///   - found: Receives each result, for the metrics.
  init(
    probing probe: @escaping @Sendable () async -> Readiness,
    sleep: @escaping Sleep = { try await Task.sleep(for: $0) },
    found: @escaping @Sendable (Readiness) -> Void = { _ in }
  ) {
    self.probe = probe
    self.sleep = sleep
    self.found = found
  }

  /// Checks periodically while the server runs.
  func run() async throws {
    await repeatUntilShutdown(every: Self.interval, sleep: sleep) { _ = await self.check() }
  }

  /// Whether the node is ready.
  @Sendable func check() async -> Readiness {
    let query = query()
    let readiness =
      (try? await withTimeout(Self.longestWait, sleep: sleep) { await query.value })
      ?? .notReady(reason: "database_too_slow")
    found(readiness)
    return readiness
  }

  /// The query in flight, or a new one.
  private func query() -> Task<Readiness, Never> {
    inFlight.withLock { inFlight in
      if let inFlight { return inFlight }
      let query = Task {
        let readiness = await probe()
        self.inFlight.withLock { $0 = nil }
        return readiness
      }
      inFlight = query
      return query
    }
  }
}

/// Checks that the database responds and that its schema fits this binary.
struct DatabaseReadiness: Sendable {
  /// A dedicated pool, so that a node whose other connections are all busy still counts as ready.
  let pool: ConnectionPool

  /// The current state, however long the query takes.
  func state() async -> Readiness {
    do {
      guard try await Migrator(pool: pool).state().isUsable else {
        return .notReady(reason: "schema_outdated")
      }
      // If the database came up after the server, the role was not checked at startup.
      let unfitness = try await ServerRoleCheck.current(on: pool).unfitness
      return unfitness == nil ? .ready : .notReady(reason: "database_role_unfit")
    } catch {
      return .notReady(reason: "database_unavailable")
    }
  }
}

public import KeymeterDomain
import Synchronization

/// Rehashes the secrets of used keys with the current pepper, in the background.
///
/// Callers never wait. Work lost when the node stops is queued again when the key is next used.
public final class SecretRehasher: Sendable {
  private let store: any PepperStore
  private let peppers: PepperSet
  private let queue = Mutex(RehashQueue(longest: 4_096, memory: 262_144))
  private let wakes: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation

  /// How long it skips keys that it has already handled.
  ///
  /// During a rolling change to a new first pepper, nodes with the old order move keys back.
  private static let memory = Duration.seconds(300)
  /// The pause after a failure.
  private static let pause = Duration.seconds(1)

  /// Creates a rehasher for `store`.
  ///
  /// Call `run` to start it.
  public init(store: any PepperStore, peppers: PepperSet) {
    self.store = store
    self.peppers = peppers
    (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Queues a key that has just authenticated.
  ///
  /// Returns at once, and drops the key if the queue is full.
  public func noteUse(of secret: KeySecret) {
    if queue.withLock({ $0.note(peppers.hashes(of: secret)) }) { wake.yield() }
  }

  /// Rehashes queued secrets one by one, until the task is cancelled.
  ///
  /// Call it only once.
  ///
  /// - Parameter failed: Receives each error. The secret is queued again at its next use.
  public func run(failed: @escaping @Sendable (any Error) -> Void) async {
    await withTaskGroup { group in
      group.addTask { await self.renew(failed: failed) }
      group.addTask {
        while (try? await Task.sleep(for: Self.memory)) != nil { self.queue.withLock { $0.forgetAll() } }
      }
    }
  }

  private func renew(failed: @Sendable (any Error) -> Void) async {
    for await _ in wakes {
      while !Task.isCancelled, let hashes = queue.withLock({ $0.next() }) {
        do {
          _ = try await store.renew(hashes)
        } catch {
          queue.withLock { $0.forget(hashes) }
          if Task.isCancelled { return }
          failed(error)
          try? await Task.sleep(for: Self.pause)
        }
      }
    }
  }
}

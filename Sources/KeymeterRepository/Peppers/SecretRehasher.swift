public import KeymeterDomain
import Synchronization

/// Brings the values of keys that are used under the current pepper, in the background.
///
/// Whoever tells it of a key goes on at once. What it has not done when the node stops, is done when the key is used
/// again.
public final class SecretRehasher: DigestRenewal {
  private let store: any PepperStore
  private let queue = Mutex(RehashQueue(longest: 4_096, memory: 262_144))
  private let wakes: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation

  /// So often it looks at keys again that it has dealt with.
  ///
  /// While a new pepper is being put first on one node after the other, those that are yet to come move keys back.
  private static let memory = Duration.seconds(300)
  /// After a failure it waits for so long.
  private static let pause = Duration.seconds(1)

  /// A renewer of what `store` holds; `run` does its work.
  public init(store: any PepperStore) {
    self.store = store
    (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Notes that the key with these hashes has just authenticated.
  public func authenticated(_ hashes: [SecretHash]) {
    if queue.withLock({ $0.note(hashes) }) { wake.yield() }
  }

  /// Renews what is noted, one value after another, until the task is cancelled.
  ///
  /// To be called once.
  ///
  /// - Parameter failed: is told what went wrong with a value, which is then noted at its next use.
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

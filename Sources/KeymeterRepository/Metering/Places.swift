import Synchronization

/// A bounded number of places, each held by one caller, and waited for in the order of coming.
///
/// A caller that is cancelled while it waits is let go at once, and is in nobody's way.
final class Places: Sendable {
  private struct State {
    var free: Int
    var waiting: [UInt64: CheckedContinuation<Bool, Never>] = [:]
    var last: UInt64 = 0
    /// No number before this one is waiting.
    var oldest: UInt64 = 1

    mutating func nextNumber() -> UInt64 {
      last += 1
      return last
    }

    /// Takes out whoever has waited longest.
    mutating func removeOldest() -> CheckedContinuation<Bool, Never>? {
      while oldest <= last {
        defer { oldest += 1 }
        if let waiter = waiting.removeValue(forKey: oldest) { return waiter }
      }
      return nil
    }
  }

  private let state: Mutex<State>

  /// - Parameter count: how many there are.
  init(_ count: Int) { state = Mutex(State(free: count)) }

  /// How many wait for a place.
  var waiting: Int { state.withLock { $0.waiting.count } }

  /// Runs `body` in a place, which is free again when it has ended, however it ends.
  ///
  /// - Throws: what `body` throws, and `CancellationError` where the wait was called off.
  func hold<Output: Sendable>(_ body: () async throws -> Output) async throws -> Output {
    try await enter()
    defer { leave() }
    return try await body()
  }

  private func enter() async throws {
    let number = state.withLock { $0.nextNumber() }
    let hasPlace = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer: Bool? = state.withLock { state in
          // A cancellation that came before found nobody to call off.
          guard !Task.isCancelled else { return false }
          if state.free > 0 {
            state.free -= 1
            return true
          }
          state.waiting[number] = continuation
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(returning: false)
    }
    guard hasPlace else { throw CancellationError() }
  }

  /// Hands the place to whoever is next, so that nobody who comes now takes it first.
  private func leave() {
    let next = state.withLock { state in
      let next = state.removeOldest()
      if next == nil { state.free += 1 }
      return next
    }
    next?.resume(returning: true)
  }
}

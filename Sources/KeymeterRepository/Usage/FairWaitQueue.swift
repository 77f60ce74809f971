/// Who holds one of a number of places, and who waits for one in the order of coming: decides, and does nothing.
///
/// It knows each caller by a number that says nothing about its turn. The turn is given in the same step in which the
/// caller joins: were it given before, one who comes in between would be handed a place, and whoever has an earlier turn
/// and joins after that would wait for ever.
struct FairWaitQueue<Waiter> {
  private var free: Int
  /// By turn.
  private var waiters: [UInt64: (caller: UInt64, waiter: Waiter)] = [:]
  /// By caller.
  private var turns: [UInt64: UInt64] = [:]
  private var callers: UInt64 = 0
  private var lastTurn: UInt64 = 0
  /// Nobody with an earlier turn is waiting, nor will anybody be.
  private var nextTurn: UInt64 = 1

  /// - Parameter count: how many places there are.
  init(_ count: Int) { free = count }

  /// How many wait.
  var count: Int { waiters.count }

  /// A number for somebody who is going to join.
  mutating func newCaller() -> UInt64 {
    callers += 1
    return callers
  }

  /// Takes a place, or puts the caller behind everybody who waits.
  ///
  /// - Returns: whether the caller has a place now.
  mutating func join(_ caller: UInt64, _ waiter: Waiter) -> Bool {
    guard free == 0 else {
      free -= 1
      return true
    }
    lastTurn += 1
    waiters[lastTurn] = (caller, waiter)
    turns[caller] = lastTurn
    return false
  }

  /// Gives a place back.
  ///
  /// - Returns: who has it now, which is whoever has waited longest; nil where nobody waits.
  mutating func leave() -> Waiter? {
    while nextTurn <= lastTurn {
      defer { nextTurn += 1 }
      guard let (caller, waiter) = waiters.removeValue(forKey: nextTurn) else { continue }
      turns[caller] = nil
      return waiter
    }
    free += 1
    return nil
  }

  /// Takes a caller out who waits no longer.
  ///
  /// - Returns: who that was; nil where the caller has not joined, has a place, or has been taken out before.
  mutating func callOff(_ caller: UInt64) -> Waiter? {
    turns.removeValue(forKey: caller).flatMap { waiters.removeValue(forKey: $0)?.waiter }
  }
}

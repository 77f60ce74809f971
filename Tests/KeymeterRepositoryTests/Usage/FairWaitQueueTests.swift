import Testing

@testable import KeymeterRepository

@Suite("The fair wait queue", .timeLimit(.minutes(1)))
struct FairWaitQueueTests {
  @Test("A caller is admitted even if a caller with a later number joins first")
  func numbersSayNothing() {
    let line = Line<String>(1)
    let callers = (0..<3).map { _ in line.newCaller() }
    #expect(line.join(callers[0], "first"))
    #expect(!line.join(callers[2], "third"))
    #expect(line.leave() == "third")
    #expect(!line.join(callers[1], "second") && line.count == 1)
    #expect(line.leave() == "second" && line.count == 0)
    #expect(line.leave() == nil)
    let next = line.newCaller()
    #expect(line.join(next, "next"))
  }

  @Test("Callers are admitted in the order in which they join, without cancelled ones")
  func order() {
    let line = Line<Int>(1)
    let callers = (0..<6).map { _ in line.newCaller() }
    #expect(line.join(callers[5], 5))
    for place in [3, 1, 4, 0, 2] { #expect(!line.join(callers[place], place)) }
    #expect(line.callOff(callers[1]) == 1)
    #expect(line.callOff(callers[0]) == 0)
    #expect(line.callOff(callers[0]) == nil)
    #expect([line.leave(), line.leave(), line.leave(), line.leave()] == [3, 4, 2, nil])
  }

  @Test("Only a caller that is queued can be cancelled")
  func queuedOnly() {
    let line = Line<Int>(1)
    let first = line.newCaller()
    let second = line.newCaller()
    #expect(line.callOff(first) == nil)
    #expect(line.join(first, 1))
    #expect(line.callOff(first) == nil)
    #expect(!line.join(second, 2))
    #expect(line.leave() == 2)
    #expect(line.callOff(second) == nil)
    #expect(line.leave() == nil)
    // The slot is free again, and only that one.
    let (third, fourth) = (line.newCaller(), line.newCaller())
    #expect(line.join(third, 3))
    #expect(!line.join(fourth, 4))
  }

  @Test("Every one of many concurrent callers gets a slot")
  func racers() async throws {
    let places = AsyncSemaphore(2)
    let held = await withTaskGroup(of: Int.self) { group in
      let racers = Task {
        await withTaskGroup(of: Int.self) { racers in
          for _ in 0..<8 {
            racers.addTask {
              var held = 0
              for _ in 0..<20_000 where (try? await places.hold { await Task.yield() }) != nil { held += 1 }
              return held
            }
          }
          return await racers.reduce(0, +)
        }
      }
      group.addTask { await racers.value }
      group.addTask {
        // Far longer than necessary. A caller that still waits then has been forgotten.
        try? await Task.sleep(for: .seconds(40))
        racers.cancel()
        return -1
      }
      defer { group.cancelAll() }
      return await group.next()
    }
    #expect(held == 160_000 && places.waiting == 0)
  }
}

/// A reference to a queue, so that expectations can change it.
private final class Line<Waiter> {
  private var line: FairWaitQueue<Waiter>

  init(_ count: Int) { line = FairWaitQueue(count) }

  var count: Int { line.count }

  func newCaller() -> UInt64 { line.newCaller() }
  func join(_ caller: UInt64, _ waiter: Waiter) -> Bool { line.join(caller, waiter) }
  func leave() -> Waiter? { line.leave() }
  func callOff(_ caller: UInt64) -> Waiter? { line.callOff(caller) }
}

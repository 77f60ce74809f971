import Synchronization
import Testing

@testable import KeymeterServer

@Suite("What waits for slow clients on all connections together", .timeLimit(.minutes(1)))
struct WriteBufferLimitTests {
  /// Who was cut off, in order.
  private final class Ends: Sendable {
    private let names = Mutex<[String]>([])
    var all: [String] { names.withLock { $0 } }
    func note(_ name: String) { names.withLock { $0.append(name) } }
  }

  @Test("Beyond the limit whoever has waited longest is cut off, as many as it takes, and nobody else")
  func oldestFirst() {
    let backlog = WriteBufferLimit(limit: 100)
    let ends = Ends()
    for name in ["a", "b", "c"] { _ = backlog.enter(30) { _ in ends.note(name) } }
    #expect(ends.all.isEmpty && backlog.bytes == 90)
    _ = backlog.enter(50) { _ in ends.note("d") }
    #expect(ends.all == ["a", "b"] && backlog.bytes == 80)
    _ = backlog.enter(20) { _ in ends.note("e") }
    #expect(ends.all == ["a", "b"] && backlog.bytes == 100)
  }

  @Test("Whoever has caught up counts no more, and has lost its place")
  func caughtUp() {
    let backlog = WriteBufferLimit(limit: 100)
    let ends = Ends()
    let first = backlog.enter(60) { _ in ends.note("first") }
    _ = backlog.enter(30) { _ in ends.note("second") }
    backlog.leave(first)
    backlog.leave(first)
    #expect(backlog.bytes == 30)
    _ = backlog.enter(60) { _ in ends.note("first again") }
    _ = backlog.enter(20) { _ in ends.note("third") }
    #expect(ends.all == ["second"] && backlog.bytes == 80)
  }

  @Test("A single answer beyond the limit is cut off itself")
  func alone() {
    let backlog = WriteBufferLimit(limit: 100)
    let ends = Ends()
    let ticket = backlog.enter(101) { _ in ends.note("large") }
    #expect(ends.all == ["large"] && backlog.bytes == 0)
    backlog.leave(ticket)
    #expect(backlog.bytes == 0)
  }

  @Test("A connection is in it from being behind until it has caught up or is closed")
  func connections() throws {
    let backlog = WriteBufferLimit(limit: 3 << 20)
    let behind = try (0..<2).map { _ in try GuardedChannel(backlog: backlog) }
    for connection in behind {
      connection.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      connection.fill(bytes: 1 << 20)
    }
    #expect(backlog.bytes >= 2 << 20 && backlog.bytes < 3 << 20)
    behind[0].catchUp()
    #expect(backlog.bytes >= 1 << 20 && backlog.bytes < 2 << 20)
    behind[1].close()
    behind[1].settle()
    #expect(backlog.bytes == 0)
  }

  @Test("A part of an answer counts whole, also where the socket took most of it")
  func partlyTaken() throws {
    let backlog = WriteBufferLimit()
    let connection = try GuardedChannel(backlog: backlog)
    connection.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.fill(bytes: 1 << 20)
    connection.drain()
    connection.fallBehind()
    #expect(backlog.bytes >= 1 << 20)
  }

  @Test("The connection that has been behind longest is closed when others need its room")
  func cutOff() throws {
    let backlog = WriteBufferLimit(limit: 2 << 20)
    let connections = try (0..<2).map { _ in try GuardedChannel(backlog: backlog) }
    for connection in connections {
      connection.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      connection.fill(bytes: 1 << 20)
      for other in connections { other.settle() }
    }
    #expect(connections.map(\.isClosed) == [true, false])
    #expect(backlog.bytes < 2 << 20)
  }

  @Test("A connection that has caught up before it could be cut off goes on")
  func caughtUpInTime() throws {
    let backlog = WriteBufferLimit(limit: 2 << 20)
    let connections = try (0..<2).map { _ in try GuardedChannel(backlog: backlog) }
    for connection in connections {
      connection.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      connection.fill(bytes: 1 << 20)
    }
    connections[0].catchUp()
    for connection in connections { connection.settle() }
    #expect(connections.map(\.isClosed) == [false, false])
    // Behind once more, it has another place than the one that it lost.
    connections[0].fallBehind()
    for connection in connections { connection.settle() }
    #expect(connections.map(\.isClosed) == [false, true])
  }

  @Test("A connection that is cut off is closed at once, under TLS and behind what can't be read as well")
  func atOnce() throws {
    let encrypted = try GuardedChannel(backlog: WriteBufferLimit(limit: 1 << 19), encryption: .standard)
    encrypted.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    encrypted.fill(bytes: 1 << 20)
    let refused = try GuardedChannel(backlog: WriteBufferLimit(limit: 1 << 19))
    refused.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\nNONSENSE\r\n\r\n")
    refused.fill(bytes: 1 << 20)
    for connection in [encrypted, refused] {
      #expect(!connection.isClosed)
      connection.settle()
      #expect(connection.isClosed)
    }
  }

  @Test("A part of an answer counts as much as the memory that holds it")
  func capacity() throws {
    let backlog = WriteBufferLimit()
    let connection = try GuardedChannel(backlog: backlog)
    connection.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.fill(bytes: 1 << 20, of: 1 << 22)
    #expect(backlog.bytes >= 1 << 22)
  }
}

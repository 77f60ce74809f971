import Synchronization
import Testing

@testable import KeymeterServer

@Suite("Unread responses of all connections", .timeLimit(.minutes(10)))
struct WriteBufferLimitTests {
  /// The disconnected clients, in order.
  private final class Ends: Sendable {
    private let names = Mutex<[String]>([])
    var all: [String] { names.withLock { $0 } }
    func note(_ name: String) { names.withLock { $0.append(name) } }
  }

  @Test("Beyond the limit exactly the longest-waiting clients are disconnected")
  func oldestFirst() {
    let writeBuffers = WriteBufferLimit(limit: 100)
    let ends = Ends()
    for name in ["a", "b", "c"] { _ = writeBuffers.enter(30) { _ in ends.note(name) } }
    #expect(ends.all.isEmpty && writeBuffers.bytes == 90)
    _ = writeBuffers.enter(50) { _ in ends.note("d") }
    #expect(ends.all == ["a", "b"] && writeBuffers.bytes == 80)
    _ = writeBuffers.enter(20) { _ in ends.note("e") }
    #expect(ends.all == ["a", "b"] && writeBuffers.bytes == 100)
  }

  @Test("A client that has caught up no longer counts, and later queues at the end")
  func caughtUp() {
    let writeBuffers = WriteBufferLimit(limit: 100)
    let ends = Ends()
    let first = writeBuffers.enter(60) { _ in ends.note("first") }
    _ = writeBuffers.enter(30) { _ in ends.note("second") }
    writeBuffers.leave(first)
    writeBuffers.leave(first)
    #expect(writeBuffers.bytes == 30)
    _ = writeBuffers.enter(60) { _ in ends.note("first again") }
    _ = writeBuffers.enter(20) { _ in ends.note("third") }
    #expect(ends.all == ["second"] && writeBuffers.bytes == 80)
  }

  @Test("A single response beyond the limit disconnects its own client")
  func alone() {
    let writeBuffers = WriteBufferLimit(limit: 100)
    let ends = Ends()
    let ticket = writeBuffers.enter(101) { _ in ends.note("large") }
    #expect(ends.all == ["large"] && writeBuffers.bytes == 0)
    writeBuffers.leave(ticket)
    #expect(writeBuffers.bytes == 0)
  }

  @Test("A connection counts from falling behind until it catches up or closes")
  func connections() throws {
    let writeBuffers = WriteBufferLimit(limit: 3 << 20)
    let behind = try (0..<2).map { _ in try GuardedChannel(writeBuffers: writeBuffers) }
    for connection in behind {
      connection.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      connection.fill(bytes: 1 << 20)
    }
    #expect(writeBuffers.bytes >= 2 << 20 && writeBuffers.bytes < 3 << 20)
    behind[0].catchUp()
    #expect(writeBuffers.bytes >= 1 << 20 && writeBuffers.bytes < 2 << 20)
    behind[1].close()
    behind[1].settle()
    #expect(writeBuffers.bytes == 0)
  }

  @Test("A body part counts in full even if the socket took most of it")
  func partlyTaken() throws {
    let writeBuffers = WriteBufferLimit()
    let connection = try GuardedChannel(writeBuffers: writeBuffers)
    connection.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.fill(bytes: 1 << 20)
    connection.drain()
    connection.fallBehind()
    #expect(writeBuffers.bytes >= 1 << 20)
  }

  @Test("The connection that has been behind longest is closed when others need the memory")
  func disconnects() throws {
    let writeBuffers = WriteBufferLimit(limit: 2 << 20)
    let connections = try (0..<2).map { _ in try GuardedChannel(writeBuffers: writeBuffers) }
    for connection in connections {
      connection.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      connection.fill(bytes: 1 << 20)
      for other in connections { other.settle() }
    }
    #expect(connections.map(\.isClosed) == [true, false])
    #expect(writeBuffers.bytes < 2 << 20)
  }

  @Test("A connection that catches up before it is disconnected stays open")
  func caughtUpInTime() throws {
    let writeBuffers = WriteBufferLimit(limit: 2 << 20)
    let connections = try (0..<2).map { _ in try GuardedChannel(writeBuffers: writeBuffers) }
    for connection in connections {
      connection.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      connection.fill(bytes: 1 << 20)
    }
    connections[0].catchUp()
    for connection in connections { connection.settle() }
    #expect(connections.map(\.isClosed) == [false, false])
    // Once behind again, it queues at the end.
    connections[0].fallBehind()
    for connection in connections { connection.settle() }
    #expect(connections.map(\.isClosed) == [false, true])
  }

  @Test("A disconnect closes at once, also under TLS and after a parse error")
  func atOnce() throws {
    let encrypted = try GuardedChannel(writeBuffers: WriteBufferLimit(limit: 1 << 19), encryption: .standard)
    encrypted.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    encrypted.fill(bytes: 1 << 20)
    let refused = try GuardedChannel(writeBuffers: WriteBufferLimit(limit: 1 << 19))
    refused.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\nNONSENSE\r\n\r\n")
    refused.fill(bytes: 1 << 20)
    for connection in [encrypted, refused] {
      #expect(!connection.isClosed)
      connection.settle()
      #expect(connection.isClosed)
    }
  }

  @Test("A body part counts as the memory that its buffer holds")
  func capacity() throws {
    let writeBuffers = WriteBufferLimit()
    let connection = try GuardedChannel(writeBuffers: writeBuffers)
    connection.arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    connection.fill(bytes: 1 << 20, of: 1 << 22)
    #expect(writeBuffers.bytes >= 1 << 22)
  }
}

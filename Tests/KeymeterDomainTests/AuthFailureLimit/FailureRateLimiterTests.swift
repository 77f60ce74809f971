import KeymeterDomain
import KeymeterTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct FailureRateLimiterTests {
  private let clock = SteppingClock()
  private let attacker: IPAddress

  init() throws { attacker = try #require(IPAddress("192.0.2.1")) }

  private func limiter(_ failures: Int = 6, capacity: Int = 64) -> FailureRateLimiter {
    FailureRateLimiter(failuresPerMinute: failures, capacity: capacity) { [clock] in clock.now }
  }

  private func fail(_ limiter: FailureRateLimiter, _ address: IPAddress, times: Int) {
    for _ in 0..<times { limiter.fail(address) }
  }

  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  private func neighbour(_ number: Int) throws -> IPAddress {
    try #require(IPAddress(octets: [10, 0, UInt8(number >> 8), UInt8(number & 255)]))
  }

  @Test("The allowed failures may come at once, and the next one must wait")
  func burst() throws {
    let limiter = limiter()
    fail(limiter, attacker, times: 5)
    #expect(limiter.secondsBlocked(attacker) == nil)
    #expect(!limiter.mayBlock)
    fail(limiter, attacker, times: 1)
    #expect(limiter.secondsBlocked(attacker) == 10)
    #expect(limiter.mayBlock)
    #expect(try limiter.secondsBlocked(neighbour(1)) == nil, "no other client is blocked")
  }

  @Test("One more failure is allowed every sixth of a minute, and all after a minute")
  func refill() {
    let limiter = limiter()
    fail(limiter, attacker, times: 6)
    clock.advance(.milliseconds(9_001))
    #expect(limiter.secondsBlocked(attacker) == 1, "a part of a second is one")
    clock.advance(.milliseconds(999))
    #expect(limiter.secondsBlocked(attacker) == nil)
    clock.advance(.milliseconds(1))
    #expect(!limiter.mayBlock)
    fail(limiter, attacker, times: 1)
    #expect(limiter.secondsBlocked(attacker) == 10)
    #expect(limiter.mayBlock)
    clock.advance(.seconds(60))
    #expect(limiter.trackedAddresses == 0)
    fail(limiter, attacker, times: 5)
    #expect(limiter.secondsBlocked(attacker) == nil)
  }

  @Test("Concurrent failures do not extend the block")
  func concurrent() {
    let limiter = limiter()
    fail(limiter, attacker, times: 1_000)
    #expect(limiter.secondsBlocked(attacker) == 10)
  }

  @Test("The limit may be one failure a minute")
  func one() {
    let limiter = limiter(1)
    limiter.fail(attacker)
    #expect(limiter.secondsBlocked(attacker) == 60)
    clock.advance(.seconds(60))
    #expect(limiter.secondsBlocked(attacker) == nil)
  }

  @Test("IPv6 is limited per /64, IPv4 per address")
  func networks() throws {
    let limiter = limiter()
    let six = try (1...6).map { try address("2001:db8:0:7::\($0)") }
    let four = try (1...6).map { try address("192.0.2.\($0)") }
    for address in six { limiter.fail(address) }
    #expect(try limiter.secondsBlocked(address("2001:db8:0:7:ffff::")) == 10)
    #expect(try limiter.secondsBlocked(address("2001:db8:0:8::1")) == nil)
    #expect(limiter.trackedAddresses == 1)
    for address in four { limiter.fail(address) }
    #expect(limiter.trackedAddresses == 7)
    #expect(try limiter.secondsBlocked(address("::ffff:192.0.2.1")) == nil)
  }

  @Test("A flood of addresses evicts its own entries, not those of persistent offenders")
  func flood() throws {
    let limiter = limiter(capacity: 8)
    fail(limiter, attacker, times: 6)
    for number in 0..<10_000 {
      try limiter.fail(neighbour(number))
      if number.isMultiple(of: 100) { limiter.fail(attacker) }
    }
    #expect(limiter.secondsBlocked(attacker) != nil)
    #expect(limiter.trackedAddresses == 8)
  }

  @Test("Memory is bounded, and unused slots are taken first")
  func bounded() throws {
    let limiter = limiter(capacity: 64)
    for number in 0..<1_000 { try limiter.fail(neighbour(number)) }
    #expect(limiter.trackedAddresses <= 64)
    clock.advance(.seconds(61))
    #expect(limiter.trackedAddresses == 0)
    let small = self.limiter(capacity: 8)
    for number in 0..<7 { try fail(small, neighbour(number), times: 6) }
    try small.fail(neighbour(7))
    clock.advance(.seconds(11))
    try fail(small, neighbour(8), times: 6)
    #expect(try small.secondsBlocked(neighbour(8)) == 10)
    #expect(small.trackedAddresses == 8, "of eight, the one that had failed once and recovered made room")
  }
}

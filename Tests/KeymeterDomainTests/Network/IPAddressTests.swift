import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct IPAddressTests {
  @Test(
    "An address is parsed and written in its short form",
    arguments: [
      ("0.0.0.0", "0.0.0.0"), ("192.0.2.1", "192.0.2.1"), ("255.255.255.255", "255.255.255.255"),
      ("::", "::"), ("::1", "::1"), ("2001:db8::1", "2001:db8::1"), ("2001:DB8::A", "2001:db8::a"),
      ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
      ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
      ("fe80::1:2:3:4", "fe80::1:2:3:4"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
      ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ])
  func shortForm(text: String, short: String) throws {
    let address = try #require(IPAddress(text))
    #expect(address.description == short)
    #expect(IPAddress(short) == address)
    #expect(address.family == (text.contains(":") ? .ipv6 : .ipv4))
  }

  @Test(
    "An IPv4-mapped IPv6 address equals the IPv4 address",
    arguments: ["::ffff:192.0.2.1", "::FFFF:192.0.2.1", "::ffff:c000:201", "0:0:0:0:0:ffff:192.0.2.1"])
  func mapped(text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(address == IPAddress("192.0.2.1"))
    #expect(address.family == .ipv4)
    #expect(address.octets == [192, 0, 2, 1])
  }

  @Test("An IPv6 address that only ends like an IPv4 one stays IPv6")
  func notMapped() throws {
    for text in ["::192.0.2.1", "::fffe:192.0.2.1", "::ffff:0:192.0.2.1", "1::ffff:192.0.2.1"] {
      let address = try #require(IPAddress(text))
      #expect(address.family == .ipv6, "\(text)")
      #expect(address != IPAddress("192.0.2.1"))
    }
  }

  @Test(
    "Any other text is not an address",
    arguments: [
      "", " ", "1", "1.2", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.1.1.1", "1.1.1.1000",
      "01.2.3.4", "1.2.3.04", "00.0.0.0", "0x1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n", "1.2.3.4\0",
      "+1.2.3.4",
      "-1.2.3.4", "1.2.3.4:80", "1.2.3.4/32", "3232235777", "0xc0000201", "１.2.3.4", "1.2.3.a",
      ":", ":::", "1::2::3", "::1%eth0", "fe80::1%1", "[::1]", "[::1]:80", "::1/128", "12345::", "g::",
      "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", ":1:2:3:4:5:6:7", "::1.2.3", "::1.2.3.256",
      "::01.2.3.4", "1.2.3.4::", "::ffff:1.2.3.4:1", "localhost", "unknown", "_hidden", "::\0",
      String(repeating: "0", count: 46), String(repeating: ":", count: 10_000),
    ])
  func invalid(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test("Octets and text convert to each other without loss")
  func roundTrip() throws {
    var random = SeededGenerator(seed: 19)
    for count in [4, 16] {
      for _ in 0..<2_000 {
        // The short form compresses runs of zeros.
        let octets = (0..<count).map { _ in
          Bool.random(using: &random) ? UInt8.random(in: 0...255, using: &random) : 0
        }
        let address = try #require(IPAddress(octets: octets))
        guard address.octets == octets, IPAddress(address.description) == address else {
          Issue.record("\(octets) became \(address)")
          return
        }
      }
    }
    for count in [0, 3, 5, 15, 17] {
      #expect(IPAddress(octets: [UInt8](repeating: 1, count: count)) == nil)
    }
  }
}

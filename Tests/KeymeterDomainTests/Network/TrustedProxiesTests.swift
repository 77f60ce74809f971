import KeymeterDomain
import Testing

@Suite struct TrustedProxiesTests {
  private static func proxies(_ ranges: String...) throws -> TrustedProxies {
    TrustedProxies(try ranges.map { range in try AddressRange(validating: range, field: "range") })
  }

  private func client(
    _ proxies: TrustedProxies, peer: String = "10.0.0.1", _ lines: String...
  ) throws -> String {
    proxies.client(peer: try #require(IPAddress(peer)), forwardedFor: lines).description
  }

  @Test("An untrusted peer is the client, even if its headers name another")
  func untrustedPeer() throws {
    for proxies in [.undeclared, TrustedProxies([]), try Self.proxies("10.0.0.2", "::/0")] {
      #expect(try client(proxies, "192.0.2.1") == "10.0.0.1")
      #expect(try client(proxies) == "10.0.0.1")
    }
  }

  @Test("A trusted peer names the client")
  func trustedPeer() throws {
    let proxies = try Self.proxies("10.0.0.0/8")
    #expect(try client(proxies, "192.0.2.1") == "192.0.2.1")
    #expect(try client(proxies, "2001:db8::1") == "2001:db8::1")
    #expect(try client(proxies, peer: "::ffff:10.0.0.1", "192.0.2.1") == "192.0.2.1")
  }

  @Test("The right-most untrusted address counts, because clients can forge those before it")
  func rightmost()
    throws
  {
    let proxies = try Self.proxies("10.0.0.0/8")
    #expect(try client(proxies, "198.51.100.7, 192.0.2.1") == "192.0.2.1")
    #expect(try client(proxies, "192.0.2.1, 10.0.0.3,10.0.0.2") == "192.0.2.1")
    #expect(try client(proxies, "10.9.9.9, 192.0.2.1, 10.0.0.2") == "192.0.2.1")
  }

  @Test("Several header lines form one list")
  func lines() throws {
    let proxies = try Self.proxies("10.0.0.0/8")
    #expect(try client(proxies, "198.51.100.7", "192.0.2.1") == "192.0.2.1")
    #expect(try client(proxies, "198.51.100.7, 192.0.2.1", "10.0.0.2") == "192.0.2.1")
    #expect(try client(proxies, "192.0.2.1", "10.0.0.3, 10.0.0.2") == "192.0.2.1")
  }

  @Test("If all addresses are trusted, the first is the client")
  func allTrusted() throws {
    let proxies = try Self.proxies("10.0.0.0/8")
    #expect(try client(proxies) == "10.0.0.1")
    #expect(try client(proxies, "10.0.0.4, 10.0.0.3", "10.0.0.2") == "10.0.0.4")
  }

  @Test(
    "An unreadable entry ends the list, and the last valid address counts",
    arguments: [
      "", " ", "unknown", "_secret", "192.0.2.1 192.0.2.2", "192.0.2.01", "192.0.2.1:", "192.0.2.1:65536",
      "192.0.2.1:-1", "192.0.2.1:8x", "192.0.2.1:80:80", "[192.0.2.1]", "[2001:db8::1", "2001:db8::1]",
      "[]:80",
      "[2001:db8::1]x", "[2001:db8::1]:", "fe80::1%eth0", "\"192.0.2.1\"", "for=192.0.2.1", "192.0.2.0/24",
      "\u{b}",
    ])
  func unreadable(garbage: String) throws {
    let proxies = try Self.proxies("10.0.0.0/8")
    #expect(try client(proxies, garbage) == "10.0.0.1")
    #expect(try client(proxies, "192.0.2.7, \(garbage)") == "10.0.0.1")
    #expect(try client(proxies, "192.0.2.7", garbage, "10.0.0.2") == "10.0.0.2")
    #expect(try client(proxies, "\(garbage), 192.0.2.1") == "192.0.2.1")
  }

  @Test(
    "Ports and white space are ignored",
    arguments: [
      "192.0.2.1:80", "192.0.2.1:0", "192.0.2.1:65535", "\t192.0.2.1 ", "::ffff:192.0.2.1",
      "[::ffff:192.0.2.1]",
      "[::ffff:192.0.2.1]:443",
    ])
  func ports(entry: String) throws {
    #expect(try client(Self.proxies("10.0.0.0/8"), entry) == "192.0.2.1")
  }

  @Test("Proxies count as declared even if the list is empty")
  func declared() throws {
    #expect(!TrustedProxies.undeclared.isDeclared)
    #expect(TrustedProxies([]).isDeclared)
  }

  @Test("An address in a trusted range is a proxy")
  func ranges() throws {
    let proxies = try Self.proxies("::1", "10.0.0.0/8")
    for (text, isProxy) in [("::1", true), ("10.9.8.7", true), ("::2", false), ("127.0.0.1", false)] {
      let address = try #require(IPAddress(text))
      #expect(proxies.contains(address) == isProxy, "\(text)")
    }
  }
}

import KeymeterDomain
import Testing

@Suite struct AddressRangeTests {
  @Test(
    "A range contains the addresses that share its prefix",
    arguments: [
      (
        "10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
        ["9.255.255.255", "11.0.0.0", "a00::"]
      ),
      ("192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.128"]),
      ("192.0.2.1/32", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2"]),
      ("192.0.2.1", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2", "::192.0.2.1"]),
      ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1", "ffff::"]),
      ("::/0", ["::", "::1", "ffff::", "::fffe:10.0.0.1"], ["0.0.0.0", "10.0.0.1", "::ffff:10.0.0.1"]),
      (
        "2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db7:ffff::", "2001:db9::", "32.1.13.184"]
      ),
      ("2001:db8::/64", ["2001:db8::ffff:ffff:ffff:ffff"], ["2001:db8:0:1::"]),
      ("2001:db8::8/125", ["2001:db8::8", "2001:db8::f"], ["2001:db8::7", "2001:db8::10"]),
      ("2001:db8::1", ["2001:db8::1"], ["2001:db8::", "2001:db8::2"]),
      ("::ffff:10.0.0.0/104", ["10.0.0.0", "10.255.255.255"], ["11.0.0.0", "9.255.255.255"]),
    ])
  func contains(
    text: String, inside: [String], outside: [String]
  ) throws {
    let range = try AddressRange(validating: text, field: "range")
    for (texts, isInside) in [(inside, true), (outside, false)] {
      for text in texts {
        let address = try #require(IPAddress(text))
        #expect(range.contains(address) == isInside, "\(text)")
      }
    }
  }

  @Test(
    "A range has one canonical form, which parses to the same range",
    arguments: [
      ("10.0.0.0/8", "10.0.0.0/8"), ("192.0.2.1", "192.0.2.1/32"), ("0.0.0.0/0", "0.0.0.0/0"),
      ("2001:DB8:0::/32", "2001:db8::/32"), ("::1", "::1/128"), ("::/0", "::/0"),
      ("::ffff:10.0.0.0/104", "10.0.0.0/8"), ("::ffff:192.0.2.1", "192.0.2.1/32"),
      ("::ffff:0:0/96", "0.0.0.0/0"),
    ])
  func canonical(text: String, written: String) throws {
    let range = try AddressRange(validating: text, field: "range")
    #expect(range.description == written)
    #expect(try AddressRange(validating: written, field: "range") == range)
  }

  @Test(
    "Bits beyond the prefix are rejected, not dropped",
    arguments: [
      "10.0.0.1/8", "11.0.0.0/7", "192.0.2.1/31", "192.0.2.1/0", "2001:db8::1/127", "2001:db8::/28", "::1/0",
      "::ffff:10.0.0.0/95", "::ffff:10.0.0.1/104",
    ])
  func hostBits(text: String) {
    #expect(
      rejection(of: text)
        == ValidationFailure(field: "range", "must not have bits set to the right of its prefix length"))
  }

  @Test(
    "A prefix length must be a whole number that fits the family",
    arguments: [
      ("10.0.0.0/33", 32), ("10.0.0.0/", 32), ("10.0.0.0/08", 32), ("10.0.0.0/+8", 32), ("10.0.0.0/-1", 32),
      ("10.0.0.0/8/8", 32), ("10.0.0.0/ 8", 32), ("10.0.0.0/255.0.0.0", 32), ("10.0.0.0/1000", 32),
      ("10.0.0.0/٨", 32), ("::/129", 128), ("::/00", 128), ("::/0x8", 128),
    ])
  func prefixLength(text: String, longest: Int) {
    #expect(
      rejection(of: text)
        == ValidationFailure(
          field: "range", "must have a prefix length that is a whole number from 0 to \(longest)"))
  }

  @Test(
    "A range needs a valid address",
    arguments: [
      "", "/", "/8", "10/8", "10.0.0/8", "010.0.0.0/8", "fe80::%eth0/10", "[::]/0", "any", " ::/0",
    ])
  func invalidAddress(text: String) {
    #expect(
      rejection(of: text)
        == ValidationFailure(
          field: "range", "must be an IP address, or one with a prefix length (10.0.0.0/8)"))
  }

  private func rejection(of text: String) -> ValidationFailure? {
    #expect(throws: ValidationFailure.self) { try AddressRange(validating: text, field: "range") }
  }
}

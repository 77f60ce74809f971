import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct AddressListTests {
  @Test(
    "A list allows the addresses of its ranges, and no unknown address",
    arguments: [
      (["10.0.0.0/8"], "10.1.2.3", true), (["10.0.0.0/8"], "11.0.0.0", false),
      (["192.0.2.1"], "192.0.2.1", true), (["192.0.2.1"], "192.0.2.2", false),
      (["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", true), (["::/0"], "10.0.0.1", false),
      (["0.0.0.0/0"], "::1", false), (["::ffff:10.0.0.0/104"], "10.9.9.9", true),
      (["10.0.0.0/8"], nil, false),
      (["0.0.0.0/0", "::/0"], nil, false),
    ] as [([String], String?, Bool)])
  func allows(
    ranges: [String], address: String?, isAllowed: Bool
  ) throws {
    let list = try AddressList.test(ranges)
    #expect(try list.allows(address.map { try .test($0) }) == isAllowed)
  }

  @Test("Duplicate ranges are dropped in any notation, and the order is kept")
  func distinct() throws {
    let list = try AddressList.test(["192.0.2.1", "10.0.0.0/8", "192.0.2.1/32", "::ffff:10.0.0.0/104", "::1"])
    #expect(list.ranges.map(\.description) == ["192.0.2.1/32", "10.0.0.0/8", "::1/128"])
  }

  @Test(
    "A list covers another whose ranges all lie within its ranges",
    arguments: [
      (["10.0.0.0/8"], ["10.0.0.0/8"], true), (["10.0.0.0/8"], ["10.1.0.0/16", "10.2.3.4"], true),
      (["10.0.0.0/8"], ["10.0.0.0/7"], false), (["10.0.0.0/8"], ["10.1.0.0/16", "11.0.0.1"], false),
      (["10.0.0.0/8", "::/0"], ["::1", "10.0.0.0/9"], true), (["::/0"], ["0.0.0.0/0"], false),
      (["0.0.0.0/0"], ["::1"], false), (["10.0.0.0/9", "10.128.0.0/9"], ["10.0.0.0/8"], false),
    ])
  func covers(
    own: [String], other: [String], covers: Bool
  )
    throws
  {
    #expect(try AddressList.test(own).covers(.test(other)) == covers)
  }

  @Test("A change keeps, clears or sets the list")
  func changes() throws {
    let (old, new) = (try AddressList.test(["10.0.0.1"]), try AddressList.test(["10.0.0.2"]))
    #expect(AddressListChange.unchanged.applied(to: old) == old)
    #expect(AddressListChange.unchanged.applied(to: nil) == nil)
    #expect(AddressListChange.cleared.applied(to: old) == nil)
    #expect(AddressListChange.set(new).applied(to: old) == new)
    #expect(AddressListChange.set(new).applied(to: nil) == new)
  }
}

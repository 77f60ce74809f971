/// A range of addresses with a common prefix: `10.0.0.0/8`, `2001:db8::/32` or a single address.
public struct AddressRange: Sendable, Hashable {
  /// The first address of the range.
  public let first: IPAddress
  /// The length of the common prefix in 128 bits.
  ///
  /// IPv4 addresses follow 96 mapping bits.
  private let sharedBits: Int

  /// The bits before an IPv4 address that is mapped into IPv6.
  private static let mappedBits = 96

  /// The range of one address.
  public init(_ address: IPAddress) {
    first = address
    sharedBits = 128
  }

  /// Parses an address, or an address with `/` and a prefix length.
  ///
  /// As in PostgreSQL's `cidr`, no bit may be set to the right of the prefix: `10.1.2.3/8` is ambiguous, so
  /// it is rejected.
  ///
  /// - Throws: `ValidationFailure` naming `field`.
  public init(validating text: some StringProtocol, field: String) throws(ValidationFailure) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = IPAddress(parts[0]) else {
      throw ValidationFailure(field: field, "must be an IP address, or one with a prefix length (10.0.0.0/8)")
    }
    guard parts.count == 2 else {
      self.init(address)
      return
    }
    // In the text's own family: `::ffff:10.0.0.0/104` equals `10.0.0.0/8`.
    let longest = parts[0].utf8.contains(UInt8(ascii: ":")) ? 128 : 32
    guard let length = Self.number(parts[1], upTo: longest) else {
      throw ValidationFailure(
        field: field, "must have a prefix length that is a whole number from 0 to \(longest)")
    }
    self.init(first: address, sharedBits: length + 128 - longest)
    guard address.bits & ~Self.mask(sharedBits) == 0 else {
      throw ValidationFailure(field: field, "must not have bits set to the right of its prefix length")
    }
  }

  /// Whether the range contains the address.
  ///
  /// False for the other address family.
  public func contains(_ address: IPAddress) -> Bool {
    address.family == first.family && (address.bits ^ first.bits) & Self.mask(sharedBits) == 0
  }

  /// Whether the range contains the whole other range.
  public func contains(_ other: AddressRange) -> Bool {
    other.sharedBits >= sharedBits && contains(other.first)
  }

  /// The range of this prefix length that contains an address.
  ///
  /// - Parameter length: The prefix length in the address's own family.
  static func around(_ address: IPAddress, length: Int) -> AddressRange {
    let shared = address.family == .ipv4 ? length + mappedBits : length
    return AddressRange(first: IPAddress(bits: address.bits & mask(shared)), sharedBits: shared)
  }

  private init(first: IPAddress, sharedBits: Int) {
    self.first = first
    self.sharedBits = sharedBits
  }

  private static func mask(_ length: Int) -> UInt128 {
    length == 0 ? 0 : UInt128.max << UInt128(128 - length)
  }

  /// A decimal number without sign or leading zero.
  private static func number(_ text: some StringProtocol, upTo largest: Int) -> Int? {
    guard (1...3).contains(text.utf8.count), text == "0" || text.utf8.first != UInt8(ascii: "0"),
      text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let number = Int(text), number <= largest
    else { return nil }
    return number
  }
}

extension AddressRange: CustomStringConvertible {
  /// The first address and the prefix length, even for a single address: `192.0.2.1/32`.
  public var description: String {
    "\(first)/\(first.family == .ipv4 ? sharedBits - Self.mappedBits : sharedBits)"
  }
}

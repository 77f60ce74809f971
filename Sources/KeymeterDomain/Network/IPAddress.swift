#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An IPv4 or IPv6 address.
///
/// An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) equals the IPv4 address, because dual-stack sockets
/// report IPv4 peers in that form.
public struct IPAddress: Sendable, Hashable {
  /// The address as 128 bits.
  ///
  /// IPv4 addresses are mapped, so both forms are equal by construction.
  public let bits: UInt128

  private static let mappedPrefix: UInt128 = 0xffff << 32

  /// The address family.
  public enum Family: Sendable, Hashable {
    /// 32 bits.
    case ipv4
    /// 128 bits.
    case ipv6
  }

  /// IPv4 also for IPv4-mapped addresses.
  public var family: Family { bits >> 32 == 0xffff ? .ipv4 : .ipv6 }

  init(bits: UInt128) { self.bits = bits }

  /// Creates an address from 4 or 16 octets in network order.
  ///
  /// Nil for any other number.
  public init?(octets: some Collection<UInt8>) {
    let number = octets.reduce(into: UInt128(0)) { $0 = $0 << 8 | UInt128($1) }
    switch octets.count {
    case 4: bits = Self.mappedPrefix | number
    case 16: bits = number
    default: return nil
    }
  }

  /// Parses `192.0.2.1` or `2001:db8::1`.
  ///
  /// Nil for any other text.
  ///
  /// Rejects forms that other parsers read differently or that are local to a host: octets with leading
  /// zeros, octal or hexadecimal octets, fewer than four octets, zone ids, white space, brackets and ports.
  public init?(_ text: some StringProtocol) {
    // Uses inet_pton's rules, but that would stop at a NUL, and the length of a client's header must be
    // bounded.
    guard text.utf8.count <= 45, text.utf8.allSatisfy(Self.isAddressCharacter) else { return nil }
    let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
    var octets = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
    let found = text.withCString { inet_pton(isIPv6 ? AF_INET6 : AF_INET, $0, &octets) }
    guard found == 1 else { return nil }
    self.init(octets: octets)
  }

  private static func isAddressCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: ":"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// The octets in network order, 4 or 16.
  public var octets: [UInt8] {
    let count = family == .ipv4 ? 4 : 16
    return (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt128((count - 1 - $0) * 8)) }
  }
}

extension IPAddress: CustomStringConvertible {
  /// `192.0.2.1`, or `2001:db8::1` in the short form of RFC 5952.
  public var description: String {
    let octets = octets
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = family == .ipv4 ? AF_INET : AF_INET6
    guard inet_ntop(family, octets, &text, socklen_t(text.count)) != nil else {
      preconditionFailure("the longest address fits into INET6_ADDRSTRLEN")
    }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

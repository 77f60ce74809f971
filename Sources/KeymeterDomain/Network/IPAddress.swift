#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An IPv4 or IPv6 address.
///
/// An IPv4 address that is mapped into IPv6 (`::ffff:192.0.2.1`) is that IPv4 address: a socket that takes both
/// families shows its IPv4 peers so.
public struct IPAddress: Sendable, Hashable {
  /// The address in IPv6's 128 bits; IPv4 is mapped, and so the two forms are one by construction.
  public let bits: UInt128

  private static let mappedPrefix: UInt128 = 0xffff << 32

  /// Which kind of address it is.
  public enum Family: Sendable, Hashable {
    /// 32 bits.
    case ipv4
    /// 128 bits.
    case ipv6
  }

  /// IPv4 also where the address was written as mapped into IPv6.
  public var family: Family { bits >> 32 == 0xffff ? .ipv4 : .ipv6 }

  init(bits: UInt128) { self.bits = bits }

  /// An address from its 4 or 16 octets in network order; `nil` for any other number of them.
  public init?(octets: some Collection<UInt8>) {
    let number = octets.reduce(into: UInt128(0)) { $0 = $0 << 8 | UInt128($1) }
    switch octets.count {
    case 4: bits = Self.mappedPrefix | number
    case 16: bits = number
    default: return nil
    }
  }

  /// Reads `192.0.2.1` or `2001:db8::1`; `nil` for any other text.
  ///
  /// Refused are what other readers take for several addresses or for one of this host alone: octets with leading
  /// zeros, octal or hexadecimal ones or fewer than four, zone ids, white space, brackets and ports.
  public init?(_ text: some StringProtocol) {
    // inet_pton's own rules; but it would stop at a NUL, and its text must not grow with a client's header.
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

  /// Its octets in network order: 4 or 16.
  public var octets: [UInt8] {
    let count = family == .ipv4 ? 4 : 16
    return (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt128((count - 1 - $0) * 8)) }
  }
}

extension IPAddress: CustomStringConvertible {
  /// `192.0.2.1` or, in RFC 5952's short form, `2001:db8::1`.
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

/// A single address as a PostgreSQL `inet`.
public struct PostgresInet: Sendable, Hashable {
  private let bits: UInt128
  private let isIPv4: Bool

  /// An IPv4 address from its 32 bits.
  public init(ipv4 bits: UInt32) {
    self.bits = UInt128(bits)
    isIPv4 = true
  }

  /// An IPv6 address from its 128 bits.
  public init(ipv6 bits: UInt128) {
    self.bits = bits
    isIPv4 = false
  }

  /// Appends the binary form: family, prefix length, `cidr` flag, address length, address.
  ///
  /// Source: `network_recv` in PostgreSQL's `network.c`, and `PGSQL_AF_INET` in `inet.h`, which is 2 on every
  /// system.
  func append(to bytes: inout [UInt8]) {
    bytes.append(isIPv4 ? 2 : 3)
    bytes.append(isIPv4 ? 32 : 128)
    bytes.append(0)
    bytes.append(isIPv4 ? 4 : 16)
    if isIPv4 {
      bytes.append(bigEndian: UInt32(truncatingIfNeeded: bits))
    } else {
      bytes.append(bigEndian: bits)
    }
  }
}

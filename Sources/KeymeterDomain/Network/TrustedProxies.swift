/// The peers whose `X-Forwarded-For` is trusted: load balancers, gateways, and back ends that verify their
/// clients' keys.
public struct TrustedProxies: Sendable, Hashable {
  private let ranges: [AddressRange]
  /// True if `KEYMETER_TRUSTED_PROXIES` is set, even to `none`.
  ///
  /// If not, a peer may be one client or a proxy for thousands.
  public let isDeclared: Bool

  /// The setting is missing, so it is unknown whether there are proxies.
  public static let undeclared = TrustedProxies(ranges: [], isDeclared: false)

  /// Trusts exactly these ranges.
  public init(_ ranges: [AddressRange]) { self.init(ranges: ranges, isDeclared: true) }

  private init(ranges: [AddressRange], isDeclared: Bool) {
    self.ranges = ranges
    self.isDeclared = isDeclared
  }

  /// Whether this address is a trusted proxy.
  public func contains(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }

  /// The client's address.
  ///
  /// This is the peer, unless the peer is trusted. Each trusted proxy appends its peer to `X-Forwarded-For`,
  /// so the list is read from the end. The first address that isn't trusted is the client's. Entries before
  /// it come from the client and may be forged. Reading also stops at a malformed entry, and the last valid
  /// address counts.
  ///
  /// - Parameters:
  ///   - peer: The peer of the connection.
  ///   - forwardedFor: The values of `X-Forwarded-For`, one per line, in order. Not evaluated if the peer is
  ///     not trusted.
  public func client<Lines: BidirectionalCollection<String>>(
    peer: IPAddress, forwardedFor: @autoclosure () -> Lines
  ) -> IPAddress {
    guard contains(peer) else { return peer }
    var client = peer
    for line in forwardedFor().reversed() {
      // Read from the end, and no further than needed: earlier entries come from the client and may be long.
      var rest: Substring? = line[...]
      while let entries = rest {
        let comma = entries.utf8.lastIndex(of: UInt8(ascii: ","))
        rest = comma.map { entries[..<$0] }
        let entry = comma.map { entries[entries.utf8.index(after: $0)...] } ?? entries
        guard let address = Self.address(of: entry) else { return client }
        client = address
        guard contains(address) else { return client }
      }
    }
    return client
  }

  /// The address of an entry.
  ///
  /// Some proxies add the port, and so put IPv6 in brackets.
  private static func address(of entry: Substring) -> IPAddress? {
    var text = entry.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    if let address = IPAddress(text) { return address }
    let host: Substring
    let rest: Substring
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      host = text[..<end].dropFirst()
      rest = text[end...].dropFirst()
      guard host.contains(":") else { return nil }
    } else {
      let end = text.firstIndex(of: ":") ?? text.endIndex
      host = text[..<end]
      rest = text[end...]
    }
    guard rest.isEmpty || rest.first == ":" && isPort(rest.dropFirst()) else { return nil }
    return IPAddress(host)
  }

  private static func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }

  private static func isPort(_ text: Substring) -> Bool {
    text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } && UInt16(text) != nil
  }
}

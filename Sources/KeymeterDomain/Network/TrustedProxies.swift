/// The peers whose word is taken for whom they speak: load balancers, gateways, and back ends that verify their own
/// clients' keys.
public struct TrustedProxies: Sendable, Hashable {
  private let ranges: [AddressRange]
  /// Whether somebody has said which they are, be it none.
  ///
  /// Where nobody has, a peer may be a client as well as what stands before thousands of them.
  public let isDeclared: Bool

  /// Nobody has said whether there are any.
  public static let undeclared = TrustedProxies(ranges: [], isDeclared: false)

  /// These and no others.
  public init(_ ranges: [AddressRange]) { self.init(ranges: ranges, isDeclared: true) }

  private init(ranges: [AddressRange], isDeclared: Bool) {
    self.ranges = ranges
    self.isDeclared = isDeclared
  }

  /// Whether this address speaks for others.
  public func contains(_ address: IPAddress) -> Bool { ranges.contains { $0.contains(address) } }

  /// From whom a request comes.
  ///
  /// That is the peer, unless it is trusted. A trusted one appends to `X-Forwarded-For` who spoke to it, so that the
  /// list is read from its end: the first address that isn't itself trusted is the client's. What stands before that
  /// came from the client and may be anything. So may what can't be read: nothing before it counts either, and the
  /// address that was read last stays.
  ///
  /// - Parameters:
  ///   - peer: the connection's other end.
  ///   - forwardedFor: the values of `X-Forwarded-For`, one for each line, in order; not
  ///     looked at where the peer is not trusted.
  public func client<Lines: BidirectionalCollection<String>>(
    peer: IPAddress, forwardedFor: @autoclosure () -> Lines
  ) -> IPAddress {
    guard contains(peer) else { return peer }
    var client = peer
    for line in forwardedFor().reversed() {
      // From its end, and no further than it counts: what stands before came from the client, and may be long.
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

  /// An entry's address; some proxies add the port, and so put IPv6 into brackets.
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

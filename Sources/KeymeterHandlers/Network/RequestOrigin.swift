import HTTPTypes
package import KeymeterDomain
package import NIOCore

/// Where a request comes from.
///
/// Its headers are parsed only when needed.
struct RequestOrigin: Sendable {
  /// The peer of the connection, or `nil` if unknown and for a unix socket.
  let peerAddress: IPAddress?
  let headers: HTTPFields

  /// The client's address by the rules of trusted proxies, or `nil` if unknown.
  func client(_ proxies: TrustedProxies) -> IPAddress? {
    peerAddress.map { proxies.client(peer: $0, forwardedFor: headers[values: .forwardedFor]) }
  }

  /// Whether a header claims that the peer is a proxy.
  ///
  /// The client may have set it.
  var isForwarded: Bool { headers[.forwardedFor] != nil || headers[.forwarded] != nil }
}

extension IPAddress {
  /// The address of a socket, or `nil` for a unix socket.
  package init?(_ address: SocketAddress) {
    // sockaddr_in and sockaddr_in6 have their octets here on every system. Naming the members would need each system's
    // C module.
    let place: Range<Int>
    switch address {
    case .v4: place = 4..<8
    case .v6: place = 8..<24
    case .unixDomainSocket: return nil
    }
    let octets = address.withSockAddr { pointer, size in
      Array(UnsafeRawBufferPointer(start: pointer, count: size)[place])
    }
    self.init(octets: octets)
  }
}

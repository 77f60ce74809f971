import HTTPTypes
package import KeymeterDomain
package import NIOCore

/// What is known of where a request comes from; nothing is made of its headers until somebody asks.
struct RequestOrigin: Sendable {
  /// The other end of the connection; `nil` for a unix socket, and where there is no telling.
  let peerAddress: IPAddress?
  let headers: HTTPFields

  /// The client's address by the rules of trusted proxies; `nil` where there is none.
  func client(_ proxies: TrustedProxies) -> IPAddress? {
    peerAddress.map { proxies.client(peer: $0, forwardedFor: headers[values: .forwardedFor]) }
  }

  /// Whether somebody says that the peer speaks for others; this may well be the client.
  var isForwarded: Bool { headers[.forwardedFor] != nil || headers[.forwarded] != nil }
}

extension IPAddress {
  /// The address of a socket; `nil` for a unix socket.
  package init?(_ address: SocketAddress) {
    // Where sockaddr_in and sockaddr_in6 have their octets, on every system; to name the members would need the
    // module of each system's headers.
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

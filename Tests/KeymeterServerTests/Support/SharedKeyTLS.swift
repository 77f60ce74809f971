import NIOSSL

/// TLS with a pre-shared key, which needs no certificates.
struct SharedKeyTLS {
  static let standard = SharedKeyTLS()

  private static let key = NIOSSLSecureBytes(Array(1...16))

  var server: NIOSSLServerHandler {
    get throws {
      var configuration = Self.configuration
      configuration.pskServerProvider = { _ in PSKServerIdentityResponse(key: Self.key) }
      return NIOSSLServerHandler(context: try NIOSSLContext(configuration: configuration))
    }
  }

  var client: NIOSSLClientHandler {
    get throws {
      var configuration = Self.configuration
      configuration.pskClientProvider = { _ in PSKClientIdentityResponse(key: Self.key, identity: "client") }
      return try NIOSSLClientHandler(
        context: NIOSSLContext(configuration: configuration), serverHostname: nil)
    }
  }

  private static var configuration: TLSConfiguration {
    var configuration = TLSConfiguration.makePreSharedKeyConfiguration()
    configuration.maximumTLSVersion = .tlsv12
    configuration.cipherSuiteValues = [.TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA]
    return configuration
  }
}

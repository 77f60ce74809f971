import FoundationEssentials
package import NIOSSL

/// The content of the certificate and key files at one instant.
package struct TLSFiles: Sendable, Equatable {
  private let certificate: [UInt8]
  private let key: [UInt8]

  /// Reads both files.
  ///
  /// - Throws: `SettingError` naming the setting whose file can't be read.
  package init(_ settings: TLSSettings) throws(SettingError) {
    certificate = try Self.contents(of: settings.certificatePath, for: TLSSettings.certificateName)
    key = try Self.contents(of: settings.keyPath, for: TLSSettings.keyName)
  }

  private static func contents(of path: String, for name: String) throws(SettingError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw SettingError(name: name, problem: "names a file that can't be read: \(path)")
    }
    return Array(data)
  }

  /// The TLS context for new connections: TLS 1.2 or newer, HTTP/1.1.
  ///
  /// - Throws: `SettingError` naming the setting whose file is invalid.
  package func context() throws(SettingError) -> NIOSSLContext {
    let chain = try certificates()
    let privateKey: NIOSSLPrivateKey
    do {
      // Without this callback, BoringSSL would ask for an encrypted key's passphrase on the terminal.
      privateKey = try NIOSSLPrivateKey(bytes: key, format: .pem) { (_: NIOSSLPassphraseSetter<[UInt8]>) in
        throw EncryptedKey()
      }
    } catch {
      throw SettingError(
        name: TLSSettings.keyName, problem: "names a file without an unencrypted PEM private key")
    }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    do {
      return try NIOSSLContext(configuration: configuration)
    } catch {
      throw SettingError(
        name: TLSSettings.keyName,
        problem: "names a key that can't be used with the first certificate of \(TLSSettings.certificateName)"
      )
    }
  }

  /// When the server's certificate expires, in seconds since 1970.
  package func expiry() throws(SettingError) -> Int { try certificates()[0].notValidAfter }

  private func certificates() throws(SettingError) -> [NIOSSLCertificate] {
    let chain = (try? NIOSSLCertificate.fromPEMBytes(certificate)) ?? []
    guard !chain.isEmpty else {
      throw SettingError(
        name: TLSSettings.certificateName, problem: "names a file without a PEM certificate")
    }
    return chain
  }
}

/// The private key has a passphrase, which a server can't be given.
private struct EncryptedKey: Error {}

import FoundationEssentials
import NIOSSL

/// What the two files of a `TLSSettings` held at one moment.
struct TLSFiles: Sendable, Equatable {
  private let certificate: [UInt8]
  private let key: [UInt8]

  /// Reads both files whole.
  ///
  /// - Throws: `SettingError` that names the setting whose file can't be read.
  init(_ settings: TLSSettings) throws(SettingError) {
    certificate = try Self.contents(of: settings.certificatePath, for: TLSSettings.certificateName)
    key = try Self.contents(of: settings.keyPath, for: TLSSettings.keyName)
  }

  private static func contents(of path: String, for name: String) throws(SettingError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw SettingError(name: name, problem: "names a file that can't be read: \(path)")
    }
    return Array(data)
  }

  /// What connections are accepted with: TLS 1.2 or newer, HTTP/1.1.
  ///
  /// - Throws: `SettingError` that names the setting whose file is at fault.
  func context() throws(SettingError) -> NIOSSLContext {
    let chain = try certificates()
    let privateKey: NIOSSLPrivateKey
    do {
      // Without the callback, an encrypted key would have BoringSSL ask for its passphrase on the terminal.
      privateKey = try NIOSSLPrivateKey(bytes: key, format: .pem) { (_: NIOSSLPassphraseSetter<[UInt8]>) in
        throw EncryptedKey()
      }
    } catch {
      throw SettingError(
        name: TLSSettings.keyName, problem: "names a file that holds no PEM private key without a passphrase")
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

  /// When the server's own certificate ceases to hold, in seconds since 1970.
  func expiry() throws(SettingError) -> Int { try certificates()[0].notValidAfter }

  private func certificates() throws(SettingError) -> [NIOSSLCertificate] {
    let chain = (try? NIOSSLCertificate.fromPEMBytes(certificate)) ?? []
    guard !chain.isEmpty else {
      throw SettingError(
        name: TLSSettings.certificateName, problem: "names a file that holds no PEM certificate")
    }
    return chain
  }
}

/// The private key wants a passphrase, which nobody could give a server.
private struct EncryptedKey: Error {}

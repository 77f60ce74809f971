/// The server's certificate and private key.
struct TLSSettings: Sendable {
  static let certificateName = "KEYMETER_TLS_CERT"
  static let keyName = "KEYMETER_TLS_KEY"

  /// The path of a PEM file with the server's certificate, followed by its intermediate certificates.
  let certificatePath: String
  /// The path of a PEM file with the unencrypted private key.
  let keyPath: String

  /// Reads the two paths, or returns nil for plain HTTP if neither is set.
  ///
  /// - Throws: `SettingError` if only one is set: failing to start is better than silently serving without
  ///   TLS.
  static func read(_ source: SettingsSource) throws(SettingError) -> TLSSettings? {
    let certificate = try source.value(certificateName)
    let key = try source.value(keyName)
    switch (certificate, key) {
    case (nil, nil): return nil
    case (let certificate?, let key?): return TLSSettings(certificatePath: certificate, keyPath: key)
    case (_?, nil): throw SettingError(name: keyName, problem: "is not set, but \(certificateName) is")
    case (nil, _?): throw SettingError(name: certificateName, problem: "is not set, but \(keyName) is")
    }
  }
}

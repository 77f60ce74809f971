/// Which certificate the server shows, and the key that belongs to it.
struct TLSSettings: Sendable {
  static let certificateName = "KEYMETER_TLS_CERT"
  static let keyName = "KEYMETER_TLS_KEY"

  /// The path of a PEM file: the server's certificate first, then those between it and the authority's.
  let certificatePath: String
  /// The path of a PEM file with the private key, not encrypted.
  let keyPath: String

  /// The two paths; `nil` where neither is set, and so connections are in the clear.
  ///
  /// - Throws: `SettingError` where only one of them is set: serving in the clear what somebody asked to have
  ///   encrypted would be worse than not to start.
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

import FoundationEssentials
import KeymeterDomain
import KeymeterServer

extension SettingsSource {
  /// GitHub's public keys from `KEYMETER_GITHUB_SECRET_SCANNING_KEYS`, or nil if it is not set.
  ///
  /// The value is the document that GitHub publishes at `/meta/public_keys/secret_scanning`, or
  /// `identifier:key[,…]`, with keys in PEM or in Base64 without the PEM header and footer.
  func leakReporter() throws(SettingError) -> ReporterKeys? {
    let name = ReporterKeys.setting
    guard let text = try value(name) else { return nil }
    let entries = text.drop(while: \.isWhitespace).hasPrefix("{") ? published(text) : listed(text)
    guard let entries else {
      throw SettingError(
        name: name,
        problem: "must be a comma-separated list of identifier:key, or GitHub's JSON document")
    }
    var keys: [(identifier: String, der: [UInt8])] = []
    for (identifier, key) in entries {
      guard let der = Data(base64Encoded: Self.withoutArmour(key)) else {
        throw SettingError(name: name, problem: "has a key that is neither PEM nor Base64")
      }
      keys.append((identifier: identifier, der: Array(der)))
    }
    do {
      return try ReporterKeys(keys)
    } catch {
      throw SettingError(name: name, problem: error.errors.map(\.message).joined(separator: "; "))
    }
  }

  private func listed(_ text: String) -> [(String, String)]? {
    var entries: [(String, String)] = []
    for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = entry.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      entries.append((parts[0].filter { !$0.isWhitespace }, String(parts[1])))
    }
    return entries
  }

  private func published(_ text: String) -> [(String, String)]? {
    let document = try? JSONDecoder().decode(PublishedKeys.self, from: Data(text.utf8))
    return document?.public_keys.map { ($0.key_identifier, $0.key) }
  }

  /// Only the Base64, without newlines.
  private static func withoutArmour(_ key: String) -> String {
    ["-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"]
      .reduce(key) { $0.replacing($1, with: "") }.filter { !$0.isWhitespace }
  }
}

/// The document at `https://api.github.com/meta/public_keys/secret_scanning`.
private struct PublishedKeys: Decodable {
  let public_keys: [Key]

  struct Key: Decodable {
    let key_identifier: String
    let key: String
  }
}

import HTTPTypes
import KeymeterDomain

/// Reads the Scrubs dialect's two headers (contract §3).
enum ScrubsCredentials {
  /// - Throws: `Rejection.credentialsMissing` where a header is missing, empty or repeated;
  ///   `Rejection.notAuthentic` for a key that was never issued, by its form or checksum.
  static func read(_ headers: HTTPFields, from client: IPAddress?) throws(Rejection) -> Credentials {
    guard let key = headers.single(.scrubsKey), let provider = headers.single(.scrubsProvider) else {
      throw .credentialsMissing
    }
    guard let secret = KeySecret(presented: key) else { throw .notAuthentic }
    return Credentials(secret: secret, provider: try? ProviderID(validating: provider), address: client)
  }
}

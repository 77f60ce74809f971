import HTTPTypes
import KeymeterDomain

extension RuntimeCredentials {
  /// Reads the credentials of either dialect: `X-API-Key`, or the Scrubs pair of headers (contract §5).
  ///
  /// - Throws: `Rejection.credentialsMissing` where neither is there, one is repeated, or both are: which of the
  ///   two a proxy in front has judged would be unknown. `Rejection.notAuthentic` for a key that was never issued,
  ///   by its form or checksum; `Rejection.unknownProvider` for a provider id of a form that none has.
  init(reading headers: HTTPFields, from client: IPAddress?) throws(Rejection) {
    let scrubs = headers[.scrubsKey] != nil || headers[.scrubsProvider] != nil
    guard headers[.apiKey] != nil else {
      guard let key = headers.single(.scrubsKey), let provider = headers.single(.scrubsProvider) else {
        throw .credentialsMissing
      }
      guard let secret = KeySecret(presented: key) else { throw .notAuthentic }
      guard let id = try? ProviderID(validating: provider) else { throw .unknownProvider }
      self.init(secret: secret, provider: id, address: client)
      return
    }
    guard !scrubs, let key = headers.single(.apiKey) else { throw .credentialsMissing }
    guard let secret = KeySecret(presented: key) else { throw .notAuthentic }
    self.init(secret: secret, provider: nil, address: client)
  }
}

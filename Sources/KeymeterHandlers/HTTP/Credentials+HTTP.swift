import HTTPTypes
import KeymeterDomain

extension Credentials {
  /// Reads the credentials of either dialect, for the runtime API: `X-API-Key`, or the Scrubs pair of headers (contract §5).
  ///
  /// A request with both is rejected, because a proxy in front may have checked only one of them.
  ///
  /// - Throws: `Rejection.credentialsMissing` if a header is missing, empty or repeated, or both dialects are present;
  ///   `Rejection.notAuthentic` if the key's form or checksum is wrong; `Rejection.unknownProvider` for a malformed
  ///   provider id.
  init(reading headers: HTTPFields, from client: IPAddress?) throws(Rejection) {
    guard headers[.apiKey] != nil else {
      try self.init(scrubs: headers, from: client)
      return
    }
    guard headers[.scrubsKey] == nil, headers[.scrubsProvider] == nil else { throw .credentialsMissing }
    try self.init(scrubbe: headers, from: client)
  }

  /// Reads the Scrubs dialect's two headers (contract §3).
  ///
  /// - Throws: `Rejection.credentialsMissing`, `Rejection.notAuthentic`, `Rejection.unknownProvider`.
  init(scrubs headers: HTTPFields, from client: IPAddress?) throws(Rejection) {
    guard let key = headers.single(.scrubsKey), let provider = headers.single(.scrubsProvider) else {
      throw .credentialsMissing
    }
    guard let secret = KeySecret(presented: key) else { throw .notAuthentic }
    guard let id = try? ProviderID(validating: provider) else { throw .unknownProvider }
    self.init(secret: secret, provider: id, address: client)
  }

  /// Reads the Scrubbe dialect's one header. The other dialect's headers are ignored.
  ///
  /// - Throws: `Rejection.credentialsMissing`, `Rejection.notAuthentic`.
  init(scrubbe headers: HTTPFields, from client: IPAddress?) throws(Rejection) {
    guard let key = headers.single(.apiKey) else { throw .credentialsMissing }
    guard let secret = KeySecret(presented: key) else { throw .notAuthentic }
    self.init(secret: secret, address: client)
  }
}

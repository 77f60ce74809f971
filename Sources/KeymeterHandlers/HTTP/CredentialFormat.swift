import HTTPTypes
import KeymeterDomain

/// The headers that carry a route's credentials.
enum CredentialFormat: Sendable {
  /// `X-Scrubs-Clinic-Api-Key` and `X-Scrubs-Clinic-Provider` (contract §3).
  case scrubs
  /// `X-API-Key` (contract §4). The other dialect's headers are ignored.
  case scrubbe
  /// Those of either dialect, for the runtime API (contract §5).
  ///
  /// A request with both is rejected, because a proxy in front may have checked only one of them.
  case either

  /// Reads the credentials.
  ///
  /// - Throws: `Rejection.credentialsMissing` if a header is missing, empty or repeated; `Rejection.notAuthentic` if the
  ///   key's form or checksum is wrong; `Rejection.unknownProvider` for a malformed provider id.
  func credentials(in headers: HTTPFields, from client: IPAddress?) throws(Rejection) -> Credentials {
    switch self {
    case .scrubs:
      guard let key = headers.single(.scrubsKey), let provider = headers.single(.scrubsProvider) else {
        throw .credentialsMissing
      }
      guard let secret = KeySecret(presented: key) else { throw .notAuthentic }
      guard let id = try? ProviderID(validating: provider) else { throw .unknownProvider }
      return Credentials(secret: secret, provider: id, address: client)
    case .scrubbe:
      guard let key = headers.single(.apiKey) else { throw .credentialsMissing }
      guard let secret = KeySecret(presented: key) else { throw .notAuthentic }
      return Credentials(secret: secret, address: client)
    case .either:
      guard headers[.apiKey] != nil else { return try Self.scrubs.credentials(in: headers, from: client) }
      guard headers[.scrubsKey] == nil, headers[.scrubsProvider] == nil else { throw .credentialsMissing }
      return try Self.scrubbe.credentials(in: headers, from: client)
    }
  }
}

import HTTPTypes
import Hummingbird
import KeymeterDomain

extension Credentials {
  /// Reads the Scrubbe dialect's one header; a key anywhere else, or the other dialect's headers, count for nothing.
  ///
  /// - Throws: `Rejection.credentialsMissing` where the header is missing, empty or repeated;
  ///   `Rejection.notAuthentic` for a key that was never issued, by its form or checksum.
  init(scrubbe headers: HTTPFields, from client: IPAddress?) throws(Rejection) {
    guard let key = headers.single(.apiKey) else { throw .credentialsMissing }
    guard let secret = KeySecret(presented: key) else { throw .notAuthentic }
    self.init(secret: secret, address: client)
  }
}

/// Reads what the dialect's calls share.
enum ScrubbeRequest {
  /// The key that the path names; whether there is one is for the store to say.
  static func id(in context: KeymeterRequestContext) -> KeyID {
    KeyID(rawValue: context.parameters.get("id") ?? "")
  }

  /// What `body` came to, unless the query has a parameter: these calls take none.
  static func withoutQuery<Value>(
    _ request: Request, _ body: Result<Value, any Error>
  ) -> Result<Value, any Error> {
    do {
      try QueryParameters(of: request).allow([])
      return body
    } catch {
      return .failure(error)
    }
  }
}

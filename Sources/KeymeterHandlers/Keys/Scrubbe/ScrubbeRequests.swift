import HTTPTypes
import Hummingbird
import KeymeterDomain

/// Reads what the dialect's calls share.
enum ScrubbeRequest {
  /// The key that the path names; whether there is one is for the store to say.
  static func id(in context: KeymeterRequestContext) -> KeyID {
    KeyID(rawValue: context.parameters.get("id") ?? "")
  }

  /// Rejects any query: these calls take no parameters.
  static func requireNoQuery(_ request: Request) throws { try QueryParameters(of: request).allow([]) }
}

import Hummingbird
import KeymeterDomain

/// `DELETE /api/v1/api-key?id=`: deletes a child key.
///
/// No node accepts it after the response.
struct DeleteAPIKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    try await keys.delete({ try Self.id(in: request) }, by: context.call())
    return .json { $0.member("message", "API key deleted successfully") }
  }

  private static func id(in request: Request) throws -> KeyID {
    guard let id = try QueryParameters(of: request).single("id"), !id.isEmpty else {
      throw RequestRejection.keyIDMissing
    }
    return KeyID(rawValue: id)
  }
}

import Hummingbird
import KeymeterDomain

/// `POST /api/v1/apikey/:id/revoke`: revokes a key, which stays listed.
///
/// Revoking it again changes nothing.
struct RevokeScrubbeKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let call = try context.call()
    let body = await JSONBody(reading: request, optional: true)
    let key = try await keys.revoke(
      {
        try request.requireNoQuery()
        return try body.decode { _ in context.keyID }
      }, by: call)
    return ScrubbeEnvelope.success("API key revoked successfully") { envelope in
      envelope.object("data") { $0.scrubbeMetadata(key) }
    }.response
  }
}

/// `DELETE /api/v1/apikey/:id`: deletes a key and its metadata for good.
///
/// A body is ignored.
struct DeleteScrubbeKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    try await keys.delete(
      {
        try request.requireNoQuery()
        return context.keyID
      }, by: context.call(), under: .rootKeysAndScopes)
    return ScrubbeEnvelope.success("API key deleted successfully") { envelope in
      envelope.object("data") { $0.member("id", context.keyID.rawValue) }
    }.response
  }
}

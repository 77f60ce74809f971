import Hummingbird
import KeymeterDomain

/// `POST /api/v1/apikey/:id/revoke`: ends a key, which stays listed.
///
/// Again is the same as once.
struct RevokeScrubbeKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try Credentials(scrubbe: request.headers, from: context.client)
    let id = ScrubbeRequest.id(in: context)
    let body = await JSONBody(reading: request, optional: true)
    let key = try await keys.revoke(
      {
        try ScrubbeRequest.requireNoQuery(request)
        return try body.decode { _ in id }
      }, by: context.call(credentials))
    return ScrubbeAnswer.success("API key revoked successfully") { answer in
      answer.object("data") { $0.scrubbeMetadata(key) }
    }
  }
}

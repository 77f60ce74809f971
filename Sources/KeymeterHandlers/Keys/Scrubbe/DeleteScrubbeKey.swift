import Hummingbird
import KeymeterDomain

/// `DELETE /api/v1/apikey/:id`: removes a key and its metadata for good.
///
/// A body is ignored.
struct DeleteScrubbeKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try Credentials(scrubbe: request.headers, from: context.client)
    let id = ScrubbeRequest.id(in: context)
    try await keys.delete(
      {
        try ScrubbeRequest.requireNoQuery(request)
        return id
      }, by: context.call(credentials), under: .rootKeysAndScopes)
    return ScrubbeAnswer.success("API key deleted successfully") { answer in
      answer.object("data") { $0.member("id", id.rawValue) }
    }
  }
}

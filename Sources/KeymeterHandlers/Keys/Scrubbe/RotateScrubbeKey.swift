import Hummingbird
import KeymeterDomain

/// `POST /api/v1/apikey/:id/rotate`: gives a key a new value, shown this once; the old one dies now, or after
/// `overlapSecs`.
struct RotateScrubbeKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try Credentials(scrubbe: request.headers, from: context.client)
    let id = ScrubbeRequest.id(in: context)
    let body = await JSONBody(reading: request, optional: true)
    return try await keys.rotate(
      {
        try ScrubbeRequest.requireNoQuery(request)
        return try body.decodeRepeatable(by: credentials.secret) { members in
          KeyRotation(
            id: id, overlapSeconds: members.wholeNumber("overlapSecs", in: KeyRotation.overlaps) ?? 0)
        }
      }, by: context.call(credentials)
    ) { issued in
      ScrubbeAnswer.issued("API key rotated successfully", issued)
    }.response
  }
}

import Hummingbird
import KeymeterDomain

/// `POST /api/v1/apikey/:id/rotate`: gives a key a new secret, shown only this once.
///
/// The old one ends at once, or after `overlapSecs`.
struct RotateScrubbeKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let call = try context.call()
    let body = await JSONBody(reading: request, optional: true)
    return try await keys.rotate(
      {
        try request.requireNoQuery()
        return try body.decodeRepeatable(by: call.credentials.secret) { members in
          KeyRotation(
            id: context.keyID,
            overlapSeconds: members.wholeNumber("overlapSecs", in: KeyRotation.overlaps) ?? 0)
        }
      }, by: call
    ) { issued in
      ScrubbeEnvelope.issued("API key rotated successfully", issued)
    }.response
  }
}

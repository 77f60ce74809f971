import Hummingbird
import KeymeterDomain

/// `POST /api/v1/apikey/:id/rotate`: gives a key a new value, shown this once; the old one dies now, or after
/// `overlapSecs`.
struct RotateScrubbeKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try Credentials(scrubbe: request.headers)
    let id = ScrubbeRequest.id(in: context)
    let rotation = ScrubbeRequest.withoutQuery(
      request,
      await JSONBody.readOptional(request) { members in
        Self.overlap(from: &members).map { KeyRotation(id: id, overlapSeconds: $0) }
      })
    let issued = try await keys.rotate(rotation, by: credentials, requestID: context.requestID)
    return ScrubbeAnswer.issued("API key rotated successfully", issued)
  }

  private static func overlap(from members: inout BodyMembers) -> Int64? {
    let allowed = KeyRotation.overlaps
    switch members.take("overlapSecs") {
    case nil: return 0
    case .number(let number):
      if let seconds = number.wholeNumber, allowed.contains(seconds) { return seconds }
    default: break
    }
    members.refuse(
      "overlapSecs", "must be a whole number from \(allowed.lowerBound) to \(allowed.upperBound)")
    return nil
  }
}

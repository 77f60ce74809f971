import Hummingbird
import KeymeterDomain

/// `POST /api/v1/usage/record`: usage after the fact.
///
/// It happened, so it always counts.
struct Record: Sendable {
  let meter: MeteringService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try RuntimeCredentials(reading: request.headers, from: context.client)
    let body = await JSONBody.readRepeatable(request, by: credentials.secret) { Self.parse(&$0) }
    return try await meter.record(body.value, by: credentials, repeatable: body.repeatable) { recording in
      switch recording {
      case .recorded(let overLimit, let repeated, let standing):
        return .json(.ok, standing) { object in
          object.member("recorded", true)
          object.member("repeated", repeated)
          object.member("over_limit", overLimit)
          object.limits(standing)
        }
      case .differs: throw UsageRejection.eventDiffers
      case .refused(.overLimit, _): throw UsageRejection.counterFull
      case .refused(let refusal, _): throw AdmissionRejectedError(refusal: refusal)
      }
    }.response
  }

  private static func parse(_ members: inout BodyMembers) -> (amounts: Amounts, event: EventID?)? {
    let amounts = members.amounts()
    let event = members.nullableText("event_id").flatMap { text in
      members.checked { () throws(ValidationFailure) in try EventID(validating: text) }
    }
    return (amounts, event)
  }
}

import Hummingbird
import KeymeterDomain

/// `POST /api/v1/usage/record`: usage after the fact.
///
/// It happened, so it always counts.
struct Record: Sendable {
  let meter: MeteringService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try RuntimeCredentials(reading: request.headers)
    let asked = await JSONBody.read(request) { Self.parse(&$0) }
    switch try await meter.record(asked, by: credentials) {
    case .recorded(let overLimit, let repeated, let standing):
      var response = Response.json { object in
        object.member("recorded", true)
        object.member("repeated", repeated)
        object.member("over_limit", overLimit)
        object.limits(standing)
      }
      response.headers.add(standing)
      return response
    case .differs: throw RuntimeRefusal.eventDiffers
    case .refused(.overLimit, _): throw RuntimeRefusal.counterFull
    case .refused(let refusal, _): throw AdmissionRefused(refusal: refusal)
    }
  }

  private static func parse(_ members: inout BodyMembers) -> (amounts: Amounts, event: EventID?)? {
    let amounts = members.amounts()
    let event = members.nullableText("event_id").flatMap { text in
      members.checked { () throws(ValidationFailure) in try EventID(validating: text) }
    }
    return (amounts, event)
  }
}

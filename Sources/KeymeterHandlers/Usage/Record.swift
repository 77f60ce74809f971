import Hummingbird
import KeymeterDomain

/// `POST /api/v1/usage/record`: records usage after the fact, which no limit can reject.
struct Record: Sendable {
  let usage: UsageService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let call = try context.call()
    let body = await JSONBody(reading: request)
    return try await usage.record(
      { try body.decodeRepeatable(by: call.credentials.secret, Self.parse) }, by: call
    ) { recorded in
      BufferedResponse.json(usage: recorded.key) { object in
        object.member("recorded", true)
        object.member("repeated", recorded.repeated)
        object.member("over_limit", recorded.overLimit)
        object.limits(recorded.key)
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

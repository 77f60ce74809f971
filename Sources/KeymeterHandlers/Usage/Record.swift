import Hummingbird
import KeymeterDomain

/// `POST /api/v1/usage/record`: usage after the fact.
///
/// It happened, so it always counts.
struct Record: Sendable {
  let usage: UsageService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try Credentials(reading: request.headers, from: context.client)
    let body = await JSONBody(reading: request)
    return try await usage.record(
      { try body.decodeRepeatable(by: credentials.secret, Self.parse) }, by: context.call(credentials)
    ) { recorded in
      .json(.ok, recorded.key) { object in
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

import Hummingbird
import KeymeterDomain

/// `POST /api/v1/usage/settle`: the true amounts take the place of the reserved ones.
struct Settle: Sendable {
  let usage: UsageService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try Credentials(reading: request.headers, from: context.client)
    let body = await JSONBody(reading: request)
    let settled = try await usage.settle({ try body.decode(Self.parse) }, by: context.call(credentials))
    // A repeated settlement gets the same body, so it says nothing of what is used by then.
    var response = Response.json { object in
      object.member("reservation_id", settled.id.rawValue)
      for dimension in Dimension.allCases {
        object.member(named: dimension.rawValue, settled.amounts[dimension])
      }
      object.member("over_limit", settled.overLimit)
    }
    response.headers.add(settled.key)
    return response
  }

  private static func parse(_ members: inout BodyMembers) -> (id: ReservationID, amounts: Amounts)? {
    let id = members.requiredText("reservation_id")
    let amounts = members.amounts()
    return id.map { (ReservationID(rawValue: $0), amounts) }
  }
}

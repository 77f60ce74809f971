import Hummingbird
import KeymeterDomain

/// `POST /api/v1/usage/settle`: replaces reserved amounts with the true ones.
struct Settle: Sendable {
  let usage: UsageService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let call = try context.call()
    let body = await JSONBody(reading: request)
    let settled = try await usage.settle({ try body.decode(Self.parse) }, by: call)
    // A repeated settlement gets the same body, so the body has no usage, which may have changed since.
    return .json(usage: settled.key) { object in
      object.member("reservation_id", settled.id.rawValue)
      for dimension in Dimension.allCases {
        object.member(named: dimension.rawValue, settled.amounts[dimension])
      }
      object.member("over_limit", settled.overLimit)
    }
  }

  private static func parse(_ members: inout BodyMembers) -> (id: ReservationID, amounts: Amounts)? {
    let id = members.requiredText("reservation_id")
    let amounts = members.amounts()
    return id.map { (ReservationID(rawValue: $0), amounts) }
  }
}

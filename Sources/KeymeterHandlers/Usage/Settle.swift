import Hummingbird
import KeymeterDomain

/// `POST /api/v1/usage/settle`: the true amounts take the place of the reserved ones.
struct Settle: Sendable {
  let meter: MeteringService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try RuntimeCredentials(reading: request.headers, from: context.client)
    let asked = await JSONBody.read(request) { Self.parse(&$0) }
    let (settlement, key) = try await meter.settle(asked, by: credentials)
    let (id, amounts) = try asked.get()
    switch settlement {
    case .settled(let overLimit, let period, let used):
      // The same answer to the same settlement, whenever it is repeated: so nothing of what is used by now.
      var response = Response.json { object in
        object.member("reservation_id", id.rawValue)
        for dimension in Dimension.allCases { object.member(named: dimension.rawValue, amounts[dimension]) }
        object.member("over_limit", overLimit)
      }
      response.headers.add(period == key.period ? key.with(used: used) : key)
      return response
    case .unknown: throw UsageRejection.reservationNotFound
    case .settledOtherwise: throw UsageRejection.settledOtherwise
    case .expired: throw UsageRejection.reservationExpired
    case .overflow: throw UsageRejection.counterFull
    }
  }

  private static func parse(_ members: inout BodyMembers) -> (id: ReservationID, amounts: Amounts)? {
    let id = members.requiredText("reservation_id")
    let amounts = members.amounts()
    return id.map { (ReservationID(rawValue: $0), amounts) }
  }
}

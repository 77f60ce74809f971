import Hummingbird
import KeymeterDomain

/// `POST /api/v1/usage/reserve`: takes a charge before the true amounts are known.
struct Reserve: Sendable {
  let meter: MeteringService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try RuntimeCredentials(reading: request.headers, from: context.client)
    let body = await JSONBody.readRepeatable(request, by: credentials.secret) { Self.parse(&$0) }
    let asked = body.value
    return try await meter.reserve(asked, by: credentials, repeatable: body.repeatable) { reserving in
      switch reserving {
      case .reserved(let id, let expiresAt, let standing):
        return .json(.created, standing) { object in
          object.member("reservation_id", id.rawValue)
          object.member("expires_at", expiresAt.rfc3339)
          object.limits(standing)
        }
      case .refused(let refusal, let standing):
        let charge = (try? asked.get())?.amounts ?? .zero
        throw AdmissionProblems(charge: charge, overLimitStatus: .tooManyRequests)
          .problem(for: refusal, standing)
      }
    }.response
  }

  private static func parse(_ members: inout BodyMembers) -> (amounts: Amounts, terms: ReservationTerms)? {
    let amounts = members.amounts()
    let hold = members.wholeNumber("hold_secs", in: ReservationTerms.holdSeconds) ?? 900
    let expiry = expiry(&members)
    if members.violations.isEmpty, amounts == .zero {
      members.refuse("requests", "or tokens or stt_secs must be above 0: nothing would be held")
    }
    return (amounts, ReservationTerms(holdSeconds: hold, onExpiry: expiry))
  }

  private static func expiry(_ members: inout BodyMembers) -> ReservationExpiry {
    guard let text = members.text("on_expiry") else { return .release }
    guard let expiry = ReservationExpiry(rawValue: text) else {
      members.refuse("on_expiry", "must be release or charge")
      return .release
    }
    return expiry
  }
}

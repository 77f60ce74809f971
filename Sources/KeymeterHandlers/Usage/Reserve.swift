import Hummingbird
import KeymeterDomain

/// `POST /api/v1/usage/reserve`: charges amounts before the true ones are known.
struct Reserve: Sendable {
  let usage: UsageService
  let metrics: AdmissionMetrics

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let call = try context.call()
    let body = await JSONBody(reading: request)
    return try await counting {
      try await usage.reserve(
        { try body.decodeRepeatable(by: call.credentials.secret, Self.parse) }, by: call
      ) { reservation in
        BufferedResponse.json(.created, usage: reservation.key) { object in
          object.member("reservation_id", reservation.id.rawValue)
          object.member("expires_at", reservation.expiresAt.rfc3339)
          object.limits(reservation.key)
        }
      }
    }.response
  }

  /// Counts the decision.
  ///
  /// A repeated request gets the first response and decides nothing.
  private func counting(_ body: () async throws -> BufferedResponse) async throws -> BufferedResponse {
    do {
      let response = try await body()
      if !response.replayed { metrics.decided(.reserve, .admitted) }
      return response
    } catch let error as AdmissionRejectedError {
      metrics.decided(.reserve, AdmissionMetrics.Outcome(error.rejection))
      throw error
    } catch StoreError.unavailable(let reason) {
      metrics.decided(.reserve, .unavailable)
      throw StoreError.unavailable(reason: reason)
    }
  }

  private static func parse(_ members: inout BodyMembers) -> (amounts: Amounts, terms: ReservationTerms)? {
    let amounts = members.amounts()
    let hold = members.wholeNumber("hold_secs", in: ReservationTerms.holdSeconds) ?? 900
    let expiry = expiry(&members)
    if members.violations.isEmpty, amounts == .zero {
      members.reject("requests", "or tokens or stt_secs must be above 0, or nothing is reserved")
    }
    return (amounts, ReservationTerms(holdSeconds: hold, onExpiry: expiry))
  }

  private static func expiry(_ members: inout BodyMembers) -> ReservationExpiry {
    guard let text = members.text("on_expiry") else { return .release }
    guard let expiry = ReservationExpiry(rawValue: text) else {
      members.reject("on_expiry", "must be release or charge")
      return .release
    }
    return expiry
  }
}

import Hummingbird
import KeymeterDomain
import Synchronization

/// `POST /api/v1/usage/reserve`: takes a charge before the true amounts are known.
struct Reserve: Sendable {
  let meter: MeteringService
  let metrics: AdmissionMetrics

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try RuntimeCredentials(reading: request.headers, from: context.client)
    let body = await JSONBody.readRepeatable(request, by: credentials.secret) { Self.parse(&$0) }
    let asked = body.value
    let decision = DecisionNote()
    return try await counting(decision) {
      try await meter.reserve(asked, by: credentials, repeatable: body.repeatable) { reserving in
        decision.note(reserving)
        return try Self.answer(reserving, to: asked)
      }
    }.response
  }

  /// Counts what was decided, once the transaction is over: one that is tried again decides again, and a repeated
  /// request's first answer decides nothing.
  private func counting(
    _ decision: DecisionNote, _ body: () async throws -> StoredResponse
  ) async throws -> StoredResponse {
    do {
      let answer = try await body()
      if !answer.replayed, let outcome = decision.outcome { metrics.decided(.reserve, outcome) }
      return answer
    } catch let error as AdmissionRejectedError {
      metrics.decided(.reserve, AdmissionMetrics.Outcome(error.refusal))
      throw error
    } catch StoreError.unavailable(let reason) {
      metrics.decided(.reserve, .unavailable)
      throw StoreError.unavailable(reason: reason)
    } catch {
      if let outcome = decision.outcome { metrics.decided(.reserve, outcome) }
      throw error
    }
  }

  private static func answer(
    _ reserving: ReserveResult, to asked: Result<(amounts: Amounts, terms: ReservationTerms), any Error>
  ) throws -> StoredResponse {
    switch reserving {
    case .reserved(let id, let expiresAt, let standing):
      return .json(.created, standing) { object in
        object.member("reservation_id", id.rawValue)
        object.member("expires_at", expiresAt.rfc3339)
        object.limits(standing)
      }
    case .refused(let refusal, let standing):
      let charge = (try? asked.get())?.amounts ?? .zero
      throw AdmissionProblems(charge: charge, overLimitStatus: .tooManyRequests).problem(
        for: refusal, standing)
    }
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

/// What the last attempt at a reservation's transaction decided.
private final class DecisionNote: Sendable {
  private let noted = Mutex<AdmissionMetrics.Outcome?>(nil)

  var outcome: AdmissionMetrics.Outcome? { noted.withLock { $0 } }

  func note(_ reserving: ReserveResult) {
    let outcome: AdmissionMetrics.Outcome =
      switch reserving {
      case .reserved: .admitted
      case .refused(let refusal, _): .init(refusal)
      }
    noted.withLock { $0 = outcome }
  }
}

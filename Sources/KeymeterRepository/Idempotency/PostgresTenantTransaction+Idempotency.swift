import KeymeterDomain
import Postgres

extension PostgresTenantTransaction {
  func claim(_ entry: IdempotencyEntry) async throws -> IdempotencyClaim {
    let row = try await row(IdempotencyStatements.claim, parameters(entry))
    switch try row.raw("outcome", as: Outcome.self) {
    case .free: return .free
    case .inFlight: return .inFlight
    case .answered:
      return .answered(
        SealedResponse(
          salt: try row.decode("salt", as: [UInt8].self),
          box: try row.decode("sealed_answer", as: [UInt8].self)))
    }
  }

  func keep(_ answer: SealedResponse, as entry: IdempotencyEntry) async throws {
    let values = parameters(entry) + [.bytea(answer.salt), .bytea(answer.box)]
    let kept = try await rows(IdempotencyStatements.keep, values)
    // Another response is stored despite the claim, so this transaction must roll back.
    guard !kept.isEmpty else { throw IdempotencyRejection.inFlight }
  }

  private enum Outcome: String {
    case free, answered
    case inFlight = "in_flight"
  }

  private func parameters(_ entry: IdempotencyEntry) -> [Parameter] {
    [.text(entry.organisationID.rawValue), .text(entry.keyID.rawValue), .bytea(entry.nameHash)]
  }
}

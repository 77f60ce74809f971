import KeymeterDomain
import Postgres
import Testing

@testable import KeymeterRepository

@Suite("Mapping of database errors")
struct UnavailabilityTests {
  @Test(
    "A lost database and an unknown COMMIT outcome count as unavailable",
    arguments: [.connectionFailed, .connectionLost, .poolExhausted, .deadlineExceeded, .commitOutcomeUnknown]
      as [PostgresError.Kind])
  func unavailable(kind: PostgresError.Kind) {
    let error = StoreError.unavailability(PostgresError(kind)) as? StoreError
    guard case .unavailable(let reason)? = error else {
      Issue.record("\(kind) does not count as unavailable")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test(
    "An unexpected error does not count as unavailable",
    arguments: [.transactionRolledBack, .invalidParameter, .decoding] as [PostgresError.Kind])
  func unexpected(kind: PostgresError.Kind) {
    #expect(StoreError.unavailability(PostgresError(kind)) == nil)
  }

  @Test("The logged reason contains nothing from the server's message")
  func redacted() {
    let error = PostgresError(.connectionLost, message: "secret", detail: "Key (x)=(secret)")
    guard case .unavailable(let reason)? = StoreError.unavailability(error) as? StoreError else {
      Issue.record("not unavailable")
      return
    }
    #expect(!reason.contains("secret"))
  }
}

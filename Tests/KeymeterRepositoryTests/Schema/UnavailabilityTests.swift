import KeymeterDomain
import Postgres
import Testing

@testable import KeymeterRepository

@Suite("What a fault of the database means")
struct UnavailabilityTests {
  @Test(
    "A database that is gone, or a COMMIT without an answer, is unavailability",
    arguments: [.connectionFailed, .connectionLost, .poolExhausted, .deadlineExceeded, .commitOutcomeUnknown]
      as [PostgresError.Kind])
  func unavailable(kind: PostgresError.Kind) {
    let error = StoreError.unavailability(PostgresError(kind)) as? StoreError
    guard case .unavailable(let reason)? = error else {
      Issue.record("\(kind) is not told as unavailable")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test(
    "A fault that nobody foresaw is none",
    arguments: [.transactionRolledBack, .invalidParameter, .decoding] as [PostgresError.Kind])
  func unforeseen(kind: PostgresError.Kind) {
    #expect(StoreError.unavailability(PostgresError(kind)) == nil)
  }

  @Test("What the log is told holds nothing that the server said of the rows")
  func redacted() {
    let error = PostgresError(.connectionLost, message: "secret", detail: "Key (x)=(secret)")
    guard case .unavailable(let reason)? = StoreError.unavailability(error) as? StoreError else {
      Issue.record("not unavailable")
      return
    }
    #expect(!reason.contains("secret"))
  }
}

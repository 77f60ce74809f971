import KeymeterDomain
import KeymeterTesting

/// Test access to a store that bypasses the services: runs jobs on demand, lets time pass and reads all contents.
protocol MeterHooks: Sendable {
  /// All counters, reservations and events.
  func meter() async throws -> MeterSnapshot
  /// Ends all expired reservations and returns their number.
  @discardableResult
  func sweepExpiredReservations() async throws -> Int
  /// Lets every stored response expire.
  func runOutAnswers() async throws
  /// Deletes expired responses and returns their number.
  @discardableResult
  func purgeAnswers() async throws -> Int
  /// The number of stored responses.
  func answers() async throws -> Int
  /// Lets a reservation expire.
  func runOut(_ id: ReservationID) async throws
  /// Lets a key expire.
  func expire(_ id: KeyID) async throws
  /// Ends the overlap of a key's last rotation.
  func endOverlap(of id: KeyID) async throws
  /// Sets a key's usage of today, and removes its other usage of this month.
  func setUsed(_ amounts: Amounts, by key: KeyID, in organisation: OrganisationID) async throws
  /// Moves all usage and reservations one month back, to the first day of each month.
  func monthPasses() async throws
  /// Moves today's usage and reservations to the first of the month.
  ///
  /// Has no effect on that day.
  func dayPasses() async throws
}

extension InMemoryStore: MeterHooks {}

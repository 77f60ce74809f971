import KeymeterDomain
import KeymeterTesting

/// What a test does to a store behind its back: jobs at a moment of its choice, the passing of time, and a look
/// inside.
protocol MeterHooks: Sendable {
  /// All that the meter holds.
  func meter() async throws -> MeterSnapshot
  /// Ends every reservation whose time is over, and says how many.
  @discardableResult
  func sweepExpiredReservations() async throws -> Int
  /// Lets the time of every first answer be over.
  func runOutAnswers() async throws
  /// Forgets first answers whose time is over, and says how many.
  @discardableResult
  func purgeAnswers() async throws -> Int
  /// How many first answers are kept.
  func answers() async throws -> Int
  /// Lets a reservation's time be over.
  func runOut(_ id: ReservationID) async throws
  /// Lets a key's time be over.
  func expire(_ id: KeyID) async throws
  /// Lets the overlap of a key's last rotation be over.
  func endOverlap(of id: KeyID) async throws
  /// Has a key have used this much today, and nothing else this month.
  func setUsed(_ amounts: Amounts, by key: KeyID, in organisation: OrganisationID) async throws
  /// Moves all usage and all reservations one month back, each to its month's first day.
  func monthPasses() async throws
  /// Moves today's usage and reservations back to the month's first day: another day begins, unless it is the first.
  func dayPasses() async throws
}

extension InMemoryManagementStore: MeterHooks {}

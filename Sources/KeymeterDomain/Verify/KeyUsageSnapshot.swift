/// A key's identity, permissions and usage at one instant.
public struct KeyUsageSnapshot: Sendable, Hashable {
  /// The key.
  public let keyID: KeyID
  /// The key's organisation.
  public let organisationID: OrganisationID
  /// The environment that it belongs to.
  public let environment: KeyEnvironment
  /// The scopes that it holds.
  public let scopes: [Scope]
  /// Its monthly limits.
  public let limits: MonthlyLimits
  /// The usage in the month of `judgedAt`, including open reservations.
  public let used: Amounts
  /// The time of the snapshot, by the database's clock.
  public let judgedAt: Timestamp

  /// Creates a snapshot from a stored row.
  public init(
    keyID: KeyID, organisationID: OrganisationID, environment: KeyEnvironment, scopes: [Scope],
    limits: MonthlyLimits, used: Amounts, judgedAt: Timestamp
  ) {
    self.keyID = keyID
    self.organisationID = organisationID
    self.environment = environment
    self.scopes = scopes
    self.limits = limits
    self.used = used
    self.judgedAt = judgedAt
  }

  /// The same snapshot with other usage in the same month.
  public func with(used: Amounts) -> KeyUsageSnapshot {
    KeyUsageSnapshot(
      keyID: keyID, organisationID: organisationID, environment: environment, scopes: scopes, limits: limits,
      used: used, judgedAt: judgedAt)
  }

  /// The month of `used`.
  public var period: Period { Period(containing: judgedAt.day) }

  /// How much of a dimension is left: nil if it is unrestricted, 0 if usage exceeds the limit.
  public func remaining(_ dimension: Dimension) -> Int64? {
    limits[dimension].map { limit in used[dimension] >= limit ? 0 : limit - used[dimension] }
  }
}

/// What the meter knows of a key at one moment: who it is, what it may do, and how much of that is used.
public struct KeyUsageSnapshot: Sendable, Hashable {
  /// The key.
  public let keyID: KeyID
  /// Its tenant.
  public let organisationID: OrganisationID
  /// The deployment it is for.
  public let environment: KeyEnvironment
  /// What it may do.
  public let scopes: [Scope]
  /// Its monthly caps.
  public let limits: MonthlyLimits
  /// What it has used in the month of `judgedAt`, open reservations included.
  public let used: Amounts
  /// When this was so, by the database's clock.
  public let judgedAt: Timestamp

  /// A standing as a store read it.
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

  /// The same standing with other usage in the same month.
  public func with(used: Amounts) -> KeyUsageSnapshot {
    KeyUsageSnapshot(
      keyID: keyID, organisationID: organisationID, environment: environment, scopes: scopes, limits: limits,
      used: used, judgedAt: judgedAt)
  }

  /// The month that `used` is of.
  public var period: Period { Period(containing: judgedAt.day) }

  /// How much of a dimension is left; `nil` where it is unrestricted, and 0 where more was recorded than allowed.
  public func remaining(_ dimension: Dimension) -> Int64? {
    limits[dimension].map { limit in used[dimension] >= limit ? 0 : limit - used[dimension] }
  }
}

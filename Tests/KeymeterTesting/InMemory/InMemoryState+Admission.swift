import KeymeterDomain

/// How an admitted request counts its amounts.
enum ChargeKind: Sendable {
  /// As used.
  case used
  /// As used, and held until they are settled.
  case reserved
  /// As used before, so no limit rejects them.
  case recorded
}

/// A bug in the caller: an amount is negative or above 2^53 − 1.
struct AmountOutOfRange: Error {}

extension InMemoryState {
  /// Judges one request, and charges it if it is admitted.
  mutating func admit(
    _ request: AdmissionRequest, as kind: ChargeKind = .used, at now: Timestamp
  ) throws -> Admission {
    if let provider = request.provider, !organisations.values.contains(where: { $0.providerID == provider }) {
      return .rejected(.unknownProvider, nil)
    }
    guard let (organisation, key, value) = keyPresented(by: request) else {
      return .rejected(.unknownKey, nil)
    }
    let before = standing(of: key, in: organisation, at: now)
    if let rejection = refusalOfKey(key, value, to: request, at: now) { return .rejected(rejection, before) }
    let charge = request.charge
    guard Dimension.allCases.allSatisfy({ (0...MonthlyLimits.largest).contains(charge[$0]) }) else {
      throw AmountOutOfRange()
    }
    for dimension in Dimension.allCases where charge[dimension] > before.room(for: dimension, as: kind) {
      return .rejected(.overLimit(dimension), before)
    }
    if charge != .zero { count(charge, for: key.id, in: organisation, as: kind, at: now) }
    return .admitted(standing(of: key, in: organisation, at: now))
  }

  /// A key and its usage.
  func standing(of key: StoredKey, in organisation: OrganisationID, at now: Timestamp) -> KeyUsageSnapshot {
    let month = CounterID(organisation: organisation, key: key.id, month: Period(containing: now.day))
    return KeyUsageSnapshot(
      keyID: key.id, organisationID: organisation, environment: key.draft.environment,
      scopes: key.draft.scopes, limits: key.limits, used: counters[month]?.used ?? .zero, judgedAt: now)
  }

  private func keyPresented(
    by request: AdmissionRequest
  ) -> (OrganisationID, StoredKey, StoredValue)? {
    for (organisation, keys) in keys {
      if let provider = request.provider, organisations[organisation]?.providerID != provider { continue }
      for key in keys {
        if let value = key.value(of: request.hashes) { return (organisation, key, value) }
      }
    }
    return nil
  }

  /// The checks before any counter is read, in the contract's order.
  private func refusalOfKey(
    _ key: StoredKey, _ value: StoredValue, to request: AdmissionRequest, at now: Timestamp
  ) -> AdmissionRejection? {
    switch key.status(at: now) {
    case .revoked: return .revoked
    case .expired: return .expired
    case .active: break
    }
    guard value.isValid(at: now) else { return .expired }
    if let allowed = key.allowedAddresses, !allowed.allows(request.address) { return .addressNotAllowed }
    if let environment = request.requiredEnvironment, environment != key.draft.environment {
      return .environmentMismatch
    }
    let holdsAll = request.requiredScopes.allSatisfy { wanted in
      key.draft.scopes.contains { $0.covers(wanted) }
    }
    return holdsAll ? nil : .scopeMissing
  }

  private mutating func count(
    _ charge: Amounts, for key: KeyID, in organisation: OrganisationID, as kind: ChargeKind, at now: Timestamp
  ) {
    let month = CounterID(organisation: organisation, key: key, month: Period(containing: now.day))
    let day = DayID(organisation: organisation, key: key, day: now.day)
    var counter = counters[month] ?? Counter()
    counter.used = counter.used + charge
    if kind == .reserved { counter.reserved = counter.reserved + charge }
    counter.lastUsedAt = now
    counters[month] = counter
    days[day] = (days[day] ?? .zero) + charge
  }
}

extension KeyUsageSnapshot {
  /// How much of a dimension still fits: at least 0, so that a charge of 0 is never rejected, and never so much that the
  /// counter would pass 2^63 − 1.
  fileprivate func room(for dimension: Dimension, as kind: ChargeKind) -> Int64 {
    guard kind != .recorded, let limit = limits[dimension] else { return Int64.max - used[dimension] }
    return limit > used[dimension] ? limit - used[dimension] : 0
  }
}

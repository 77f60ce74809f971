import KeymeterDomain

extension InMemoryState {
  mutating func reserve(
    _ id: ReservationID, _ request: AdmissionRequest, _ terms: ReservationTerms, at now: Timestamp
  ) throws -> ReserveResult {
    switch try admit(request, as: .reserved, at: now) {
    case .rejected(let rejection, let standing): return .rejected(rejection, standing)
    case .admitted(let standing):
      let held = HeldID(organisation: standing.organisationID, reservation: id)
      guard reservations[held] == nil else { throw ReservationIDTaken() }
      let expiry = now.advanced(bySeconds: terms.holdSeconds)
      reservations[held] = HeldReservation(
        key: standing.keyID, day: now.day, amounts: request.charge, expiresAt: expiry,
        onExpiry: terms.onExpiry)
      return .reserved(id, expiresAt: expiry, standing)
    }
  }

  mutating func record(_ request: AdmissionRequest, event: EventID?, at now: Timestamp) throws -> RecordResult
  {
    if let event {
      switch try admit(request.charging(.zero), as: .recorded, at: now) {
      case .rejected(let rejection, let standing): return .rejected(rejection, standing)
      case .admitted(let standing):
        let counted = events[CountedEventID(organisation: standing.organisationID, event: event)]
        if let counted {
          guard counted.key == standing.keyID, counted.amounts == request.charge else { return .differs }
          return .recorded(overLimit: counted.overLimit, repeated: true, standing)
        }
      }
    }
    switch try admit(request, as: .recorded, at: now) {
    case .rejected(let rejection, let standing): return .rejected(rejection, standing)
    case .admitted(let standing):
      let over = Dimension.allCases.contains { standing.used[$0] > standing.limits[$0] ?? .max }
      if let event {
        events[CountedEventID(organisation: standing.organisationID, event: event)] = CountedEvent(
          key: standing.keyID, amounts: request.charge, overLimit: over)
      }
      return .recorded(overLimit: over, repeated: false, standing)
    }
  }

  mutating func settle(
    _ id: ReservationID, of key: KeyID, in organisation: OrganisationID, amounts: Amounts, at now: Timestamp
  ) -> Settlement {
    let held = HeldID(organisation: organisation, reservation: id)
    guard let reservation = reservations[held], reservation.key == key else { return .unknown }
    let month = CounterID(organisation: organisation, key: key, month: Period(containing: reservation.day))
    let used = counters[month]?.used ?? .zero
    switch reservation.state {
    case .settled(amounts, let over): return .settled(overLimit: over, period: month.month, used: used)
    case .settled: return .settledOtherwise
    case .expired: return .expired
    case .open: break
    }
    guard reservation.expiresAt > now else { return .expired }
    let others = used - reservation.amounts
    for dimension in Dimension.allCases where amounts[dimension] > Int64.max - others[dimension] {
      return .overflow
    }
    replace(reservation, by: amounts, in: organisation)
    let after = others + amounts
    let limits = keys[organisation]?.first { $0.id == key }?.limits ?? .unrestricted
    let over = Dimension.allCases.contains { dimension in
      amounts[dimension] > reservation.amounts[dimension] && after[dimension] > limits[dimension] ?? .max
    }
    reservations[held]?.state = .settled(amounts, overLimit: over)
    return .settled(overLimit: over, period: month.month, used: after)
  }

  /// Expires every reservation whose hold is over.
  mutating func sweepExpiredReservations(at now: Timestamp) -> Int {
    var swept = 0
    for (held, reservation) in reservations {
      guard case .open = reservation.state, reservation.expiresAt <= now else { continue }
      replace(
        reservation, by: reservation.onExpiry == .charge ? reservation.amounts : .zero,
        in: held.organisation)
      reservations[held]?.state = .expired
      swept += 1
    }
    return swept
  }

  /// Replaces a reservation's amounts by `amounts` in its month and day.
  private mutating func replace(
    _ reservation: HeldReservation, by amounts: Amounts, in organisation: OrganisationID
  ) {
    let month = CounterID(
      organisation: organisation, key: reservation.key, month: Period(containing: reservation.day))
    let day = DayID(organisation: organisation, key: reservation.key, day: reservation.day)
    var counter = counters[month] ?? Counter()
    counter.used = counter.used - reservation.amounts + amounts
    counter.reserved = counter.reserved - reservation.amounts
    counters[month] = counter
    days[day] = (days[day] ?? .zero) - reservation.amounts + amounts
  }
}

/// A bug in the test: a reservation id was generated twice.
struct ReservationIDTaken: Error {}

extension AdmissionRequest {
  fileprivate func charging(_ amounts: Amounts) -> AdmissionRequest {
    AdmissionRequest(
      hashes: hashes, provider: provider, charge: amounts, requiredScopes: requiredScopes,
      requiredEnvironment: requiredEnvironment, address: address)
  }
}

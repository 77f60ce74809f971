public import KeymeterDomain

/// What only tests do: run jobs, and let time pass.
extension InMemoryStore {
  /// Expires every reservation whose hold is over, and returns their number.
  @discardableResult
  public func sweepExpiredReservations() async throws -> Int {
    try await changing { state, now in state.sweepExpiredReservations(at: now) }
  }

  /// Makes every idempotency key appear to be in flight, or none.
  public func setNamesInFlight(_ inFlight: Bool) async throws {
    try await changing { state, _ in state.namesAreInFlight = inFlight }
  }

  /// Lets every stored response expire.
  public func runOutAnswers() async throws {
    try await changing { state, now in
      for entry in state.answers.keys { state.answers[entry]?.expiresAt = now }
    }
  }

  /// Purges expired responses, and returns their number.
  @discardableResult
  public func purgeAnswers() async throws -> Int {
    try await changing { state, now in
      let before = state.answers.count
      state.answers = state.answers.filter { $0.value.expiresAt > now }
      return before - state.answers.count
    }
  }

  /// The number of stored responses.
  public func answers() async throws -> Int { try await changing { state, _ in state.answers.count } }

  /// Lets an open reservation's hold end.
  public func runOut(_ id: ReservationID) async throws {
    try await changing { state, now in
      for held in state.reservations.keys where held.reservation == id {
        state.reservations[held]?.expiresAt = now.advanced(bySeconds: -1)
      }
    }
  }

  /// Adds child keys until the organisation has `count` keys.
  ///
  /// Their secrets are discarded.
  public func fill(_ organisation: OrganisationID, upTo count: Int) async throws {
    var random = RandomSource.seeded(77)
    var keys: [NewKey] = []
    for _ in 0..<count {
      let draft = KeyDraft(friendlyName: Label(stored: "Filler"))
      let id = KeyID(random: &random)
      keys.append(
        NewKey(
          id: id, root: false, draft: draft, linkageID: Label(stored: id.rawValue),
          hash: try PepperSet.test.currentHash(of: KeySecret(environment: .production, random: &random)),
          hint: "sk_live_...0000"))
    }
    try await changing { [keys] state, now in
      let missing = count - (state.keys[organisation]?.count ?? 0)
      state.keys[organisation, default: []] += keys.prefix(max(0, missing)).map { StoredKey($0, at: now) }
    }
  }

  /// Lets a key expire.
  public func expire(_ id: KeyID) async throws {
    try await change(id) { key, now in key.expiresAt = now.advanced(bySeconds: -1) }
  }

  /// Revokes a key without key management.
  public func revoke(_ id: KeyID) async throws {
    try await change(id) { key, now in key.revokedAt = now }
  }

  /// Ends the overlap of a key's last rotation.
  public func endOverlap(of id: KeyID) async throws {
    try await change(id) { key, now in
      for index in key.values.indices where key.values[index].validUntil != nil {
        key.values[index].validUntil = now.advanced(bySeconds: -1)
      }
    }
  }

  /// Sets a key's usage: this much today, and nothing else this month.
  public func setUsed(_ amounts: Amounts, by key: KeyID, in organisation: OrganisationID) async throws {
    try await changing { state, now in
      let month = CounterID(organisation: organisation, key: key, month: Period(containing: now.day))
      state.counters[month] = Counter(used: amounts, reserved: .zero, lastUsedAt: now)
      state.days[DayID(organisation: organisation, key: key, day: now.day)] = amounts
    }
  }

  /// Moves all usage and reservations to the first day of the previous month.
  public func monthPasses() async throws {
    try await changing { state, _ in
      state.counters = Dictionary(
        uniqueKeysWithValues: state.counters.map { id, counter in
          let month = Period(containing: id.month.previousFirstDay)
          return (CounterID(organisation: id.organisation, key: id.key, month: month), counter)
        })
      state.moveDays { Period(containing: $0).previousFirstDay }
    }
  }

  /// Moves today's usage and reservations to the month's first day.
  public func dayPasses() async throws {
    try await changing { state, now in
      let today = now.day
      state.moveDays { $0 == today ? Period(containing: $0).firstDay : $0 }
    }
  }

  private func change(_ id: KeyID, _ body: @Sendable (inout StoredKey, Timestamp) -> Void) async throws {
    try await changing { state, now in
      for (organisation, keys) in state.keys {
        guard let index = keys.firstIndex(where: { $0.id == id }) else { continue }
        var changed = keys[index]
        body(&changed, now)
        state.keys[organisation]?[index] = changed
      }
    }
  }
}

extension InMemoryState {
  /// Moves usage and reservations to other days, and adds up days that coincide.
  fileprivate mutating func moveDays(_ moved: (CivilDate) -> CivilDate) {
    days = Dictionary(
      days.map { (DayID(organisation: $0.organisation, key: $0.key, day: moved($0.day)), $1) },
      uniquingKeysWith: +)
    for (id, reservation) in reservations { reservations[id]?.day = moved(reservation.day) }
  }
}

extension Period {
  /// The first day of the previous month.
  fileprivate var previousFirstDay: CivilDate {
    Period(containing: CivilDate(daysSinceEpoch: firstDay.daysSinceEpoch - 1)).firstDay
  }
}

import KeymeterDomain

extension InMemoryState {
  func usage(of id: KeyID, in organisation: OrganisationID, at now: Timestamp) -> KeyUsage? {
    guard let key = keys[organisation]?.first(where: { $0.id == id }) else { return nil }
    let month = CounterID(organisation: organisation, key: id, month: Period(containing: now.day))
    return KeyUsage(
      standing: standing(of: key, in: organisation, at: now), reserved: counters[month]?.reserved ?? .zero)
  }

  /// A key's organisation.
  ///
  /// A deleted key is known by its usage, to its own organisation only.
  func owner(of id: KeyID, askedBy organisation: OrganisationID) -> OrganisationID? {
    let living = keys.first { $0.value.contains { $0.id == id } }?.key
    let wasOwn = counters.keys.contains { $0.organisation == organisation && $0.key == id }
    return living ?? (wasOwn ? organisation : nil)
  }

  func dailyUsage(_ query: AnalyticsQuery, in organisation: OrganisationID) -> [DailyUsage] {
    var sums: [CivilDate: Amounts] = [:]
    for (id, amounts) in days where id.organisation == organisation {
      let inRange = (query.firstDay.daysSinceEpoch...query.lastDay.daysSinceEpoch)
        .contains(id.day.daysSinceEpoch)
      guard inRange, query.keys?.contains(id.key) ?? true else { continue }
      sums[id.day] = (sums[id.day] ?? .zero) + amounts
    }
    return sums.filter { $0.value != .zero }.map { DailyUsage(day: $0.key, used: $0.value) }
      .sorted { $0.day.daysSinceEpoch < $1.day.daysSinceEpoch }
  }
}

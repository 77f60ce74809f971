public import KeymeterDomain

/// The peppers of the in-memory store.
extension InMemoryStore: PepperStore {
  /// Introduces new peppers: all of them, or none if one mismatches.
  public func introduce(_ checks: [PepperCheck]) async throws -> [String] {
    try await changing { state, now in
      let others = checks.filter { check in
        state.peppers[check.pepperID].map { $0.check != check } ?? false
      }
      guard others.isEmpty else { return others.map(\.pepperID).sorted() }
      for check in checks where state.peppers[check.pepperID] == nil {
        state.peppers[check.pepperID] = (check, now)
      }
      return []
    }
  }

  /// Every pepper that was introduced or that a key needs.
  public func knownPeppers() async throws -> [KnownPepper] {
    try await changing { state, now in
      var keys: [String: Int64] = [:]
      for key in state.keys.values.joined() where key.status(at: now) == .active {
        for pepper in Set(key.values.filter { $0.isValid(at: now) }.map(\.hash.pepperID)) {
          keys[pepper, default: 0] += 1
        }
      }
      return Set(state.peppers.keys).union(keys.keys).sorted().map { id in
        KnownPepper(
          id: id, check: state.peppers[id]?.check, firstSeen: state.peppers[id]?.firstSeen,
          keys: keys[id] ?? 0)
      }
    }
  }

  /// Stores a secret's hash under the current pepper.
  public func renew(_ hashes: [SecretHash]) async throws -> Bool {
    guard let present = hashes.first else { return false }
    return try await changing { state, now in state.renew(hashes.dropFirst(), as: present, at: now) }
  }
}

extension InMemoryState {
  fileprivate mutating func renew(
    _ former: ArraySlice<SecretHash>, as present: SecretHash, at now: Timestamp
  ) -> Bool {
    for (organisation, keys) in keys {
      for (place, key) in keys.enumerated() where key.revokedAt == nil {
        let found = key.values.firstIndex { former.contains($0.hash) && $0.isValid(at: now) }
        guard let found else { continue }
        self.keys[organisation]?[place].values[found].hash = present
        return true
      }
    }
    return false
  }
}

import KeymeterDomain
import KeymeterRepository

/// Whether keys are refused because the pepper that they need is not given any more.
struct GuardedKeysCheck: DatabaseCheck {
  let name = "pepper-keys"
  let needsSchema = true

  func judge(_ database: ExaminedDatabase) async throws -> CheckResult {
    guard let peppers = database.peppers else {
      return .skip("KEYMETER_PEPPERS can't be used: see \(DoctorRun.settingsName)")
    }
    let store = PostgresPepperStore(pool: database.pool)
    let status: [PepperStatus]
    do {
      status = try await PepperService(store: store, peppers: peppers).status()
    } catch StoreError.unavailable {
      // It looks at every key there is.
      return .warn(
        "the keys can't be counted in time", advice: "Ask `keymeter pepper status`, which takes longer")
    }
    let missed = status.filter { $0.state == .retired && $0.keys > 0 }
    let counts = status.filter { $0.keys > 0 }.map { "\($0.id) \($0.state.rawValue) \($0.keys)" }
    guard !missed.isEmpty else {
      return .ok(counts.isEmpty ? "there are no keys" : "keys by pepper: \(counts.joined(separator: ", "))")
    }
    let names = missed.map { "\($0.id) (\($0.keys) keys)" }.joined(separator: ", ")
    return .fail(
      "a pepper that is not given any more still guards keys, which are refused: \(names)",
      advice: "Put it back behind the others in KEYMETER_PEPPERS until `keymeter pepper status` shows 0")
  }
}

import KeymeterDomain
import KeymeterTesting

/// A call that changes keys.
enum KeyChange: CaseIterable, Sendable {
  case create, update, rotate, revoke, delete

  func run(on id: KeyID, by caller: Credentials, _ keys: KeyService) async throws {
    let label = try Label.test("Desk")
    switch self {
    case .create: _ = try await keys.create(KeyDraft(friendlyName: label), by: caller)
    case .update: _ = try await keys.update(KeyUpdate(id: id, friendlyName: label), by: caller)
    case .rotate: _ = try await keys.rotate(KeyRotation(id: id), by: caller)
    case .revoke: _ = try await keys.revoke(id, by: caller)
    case .delete: try await keys.delete(id, by: caller)
    }
  }
}

import KeymeterDomain
import KeymeterTesting

/// What may be asked over the wire.
enum Operation: CaseIterable, Sendable {
  case ownKey, allKeys, page, create, update, rotate, revoke, delete

  /// Those that end a key, or a value of one.
  static let endings: [Operation] = [.rotate, .revoke, .delete]

  /// Those that are about one key, which they name.
  static let withTarget: [Operation] = [.update] + endings

  static let changes: [Operation] = [.create] + withTarget

  var takesBody: Bool { self != .ownKey && self != .allKeys }

  var answerToBrokenBody: (any Error)? { takesBody ? BrokenBody() : nil }

  /// What a child key is told that holds every scope.
  var refusalOfChild: Rejection? {
    switch self {
    case .ownKey: nil
    case .page: .scopeRequired(.readKeys)
    case .rotate, .revoke: .scopeRequired(.writeKeys)
    case .allKeys: .rootKeyRequiredToList
    case .create, .update, .delete: .rootKeyRequired
    }
  }

  func run(_ id: Result<KeyID, any Error>, by caller: Credentials, on keys: KeyService) async throws {
    switch self {
    case .ownKey: _ = try await keys.ownKey(caller, requestID: .test)
    case .allKeys: _ = try await keys.allKeys(caller, requestID: .test)
    case .page: _ = try await keys.page(id.map { _ in KeyListing() }, by: caller, requestID: .test)
    case .create:
      let name = try Label.test("Till")
      _ = try await keys.create(
        id.map { _ in KeyDraft(friendlyName: name) }, by: caller, requestID: .test)
    case .update:
      _ = try await keys.update(id.map { KeyUpdate(id: $0) }, by: caller, requestID: .test)
    case .rotate: _ = try await keys.rotate(id.map { KeyRotation(id: $0) }, by: caller, requestID: .test)
    case .revoke: _ = try await keys.revoke(id, by: caller, requestID: .test)
    case .delete: try await keys.delete(id, by: caller, requestID: .test)
    }
  }
}

/// What is wrong with a request, whatever it is.
struct BrokenBody: Error, Equatable {}

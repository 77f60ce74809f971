public import KeymeterDomain
import Synchronization

extension APICall {
  /// A call that a test makes with these credentials.
  public static func test(_ credentials: Credentials) -> APICall { APICall(credentials, requestID: .test) }
}

/// Calls without an idempotency key, which return what the service issued instead of a response.
extension KeyService {
  /// The caller's own key.
  public func ownKey(_ credentials: Credentials) async throws -> APIKey {
    try await ownKey(.test(credentials))
  }

  /// A page of all keys of the caller's organisation.
  public func allKeys(
    _ credentials: Credentials, after position: KeyPosition? = nil, atMost limit: Int = KeyService.longestPage
  ) async throws -> KeyPage {
    try await allKeys(.test(credentials), after: position, atMost: limit)
  }

  /// A page of keys.
  public func page(_ listing: KeyListing, by credentials: Credentials) async throws -> KeyPage {
    try await page({ listing }, by: .test(credentials))
  }

  /// Creates a key.
  public func create(
    _ draft: KeyDraft, by credentials: Credentials, under rule: ManagementRule = .rootKeysOnly
  ) async throws -> IssuedKey {
    try await issued { answer in
      try await create({ (draft, nil) }, by: .test(credentials), under: rule, answer: answer)
    }
  }

  /// Changes a key.
  public func update(_ update: KeyUpdate, by credentials: Credentials) async throws -> APIKey {
    try await self.update({ update }, by: .test(credentials))
  }

  /// Gives a key a new secret.
  public func rotate(_ rotation: KeyRotation, by credentials: Credentials) async throws -> IssuedKey {
    try await issued { answer in
      try await rotate({ (rotation, nil) }, by: .test(credentials), answer: answer)
    }
  }

  /// Revokes a key.
  public func revoke(_ id: KeyID, by credentials: Credentials) async throws -> APIKey {
    try await revoke({ id }, by: .test(credentials))
  }

  /// Deletes a key.
  public func delete(
    _ id: KeyID, by credentials: Credentials, under rule: ManagementRule = .rootKeysOnly
  ) async throws {
    try await delete({ id }, by: .test(credentials), under: rule)
  }

  private func issued(
    _ call: (@escaping @Sendable (IssuedKey) throws -> TestResponse) async throws -> TestResponse
  ) async throws -> IssuedKey {
    let issued = Mutex<IssuedKey?>(nil)
    _ = try await call { key in
      issued.withLock { $0 = key }
      return TestResponse()
    }
    guard let key = issued.withLock({ $0 }) else { throw NothingIssued() }
    return key
  }
}

/// A call succeeded without issuing a key.
struct NothingIssued: Error {}

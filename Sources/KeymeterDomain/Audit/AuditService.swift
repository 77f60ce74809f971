/// What a root key may read of its organisation's log (contract §6).
public struct AuditService: Sendable {
  private let store: any MeteringStore
  private let peppers: PepperSet

  /// A service over a store of the same database.
  ///
  /// - Parameter store: the runtime's, since callers present the runtime's credentials.
  public init(store: any MeteringStore, peppers: PepperSet) {
    self.store = store
    self.peppers = peppers
  }

  /// One page of the caller's organisation's log, newest first.
  ///
  /// - Throws: `AdmissionRejectedError`, `Rejection.rootKeyRequired`, `StoreError`, and the failure in `query`.
  public func page(
    _ query: Result<AuditQuery, any Error>, by credentials: RuntimeCredentials
  ) async throws -> AuditPage {
    try await store.withMetering { transaction in
      let key = try await transaction.caller(credentials, peppers: peppers)
      try await transaction.requireRoot(key)
      return try await transaction.auditPage(query.get(), of: key.organisationID)
    }
  }
}

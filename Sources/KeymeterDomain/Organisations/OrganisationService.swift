/// The operations that need the database's credentials: managing organisations and creating root keys
/// (contract §6).
public struct OrganisationService: Sendable {
  private let store: any TenantStore
  private let issuer: KeyIssuer
  private let random: RandomSource

  /// Creates a service over `store`.
  public init(store: any TenantStore, peppers: PepperSet, random: RandomSource = .system) {
    self.store = store
    self.random = random
    issuer = KeyIssuer(peppers: peppers, random: random)
  }

  /// Creates an organisation with its first root key.
  ///
  /// - Throws: `Rejection.providerTaken`, `StoreError`.
  public func create(
    provider: ProviderID, name: Label
  ) async throws -> (organisation: Organisation, rootKey: IssuedKey) {
    var random = random
    let id = OrganisationID(random: &random)
    let request = RequestID(random: &random)
    let key = issuer.generate(
      KeyDraft(friendlyName: Label(stored: "Root key")), root: true, from: issuer.seed())
    return try await store.withTransaction { transaction in
      let organisation = try await inserting(id, provider, name, in: transaction)
      try await transaction.append(
        Self.entry(
          .organisationCreated, of: organisation, request: request,
          changes: [
            FieldChange("provider_id", from: nil, to: .text(provider.rawValue)),
            FieldChange("name", from: nil, to: .text(name.rawValue)),
          ]))
      let rootKey = try await write(key, for: organisation, request: request, in: transaction)
      return (organisation, rootKey)
    }
  }

  /// All organisations, by provider id.
  ///
  /// - Throws: `StoreError`.
  public func list() async throws -> [Organisation] {
    try await store.withTransaction { try await $0.organisations() }
  }

  /// One organisation and its keys, oldest first.
  ///
  /// - Throws: `Rejection.organisationNotFound`, `StoreError`.
  public func show(_ provider: ProviderID) async throws -> (organisation: Organisation, keys: [APIKey]) {
    try await inOrganisation(provider) { transaction, organisation in
      (organisation, try await transaction.keys())
    }
  }

  /// Renames an organisation.
  ///
  /// - Throws: `Rejection.organisationNotFound`, `StoreError`.
  public func rename(_ provider: ProviderID, to name: Label) async throws {
    let request = newRequestID()
    try await inOrganisation(provider) { transaction, organisation in
      guard organisation.name != name else { return }
      try await transaction.rename(to: name)
      try await transaction.append(
        Self.entry(
          .organisationRenamed, of: organisation, request: request,
          changes: [
            FieldChange("name", from: .text(organisation.name.rawValue), to: .text(name.rawValue))
          ]))
    }
  }

  /// Deletes an organisation with all its keys.
  ///
  /// Its audit log is kept.
  ///
  /// - Throws: `Rejection.organisationNotFound`, `StoreError`.
  public func delete(_ provider: ProviderID) async throws {
    let request = newRequestID()
    try await inOrganisation(provider) { transaction, organisation in
      try await transaction.deleteOrganisation()
      // After the deletion, because it waits for changes in flight, and these may still have to append their
      // entries.
      try await transaction.append(
        Self.entry(
          .organisationDeleted, of: organisation, request: request,
          changes: [
            FieldChange("provider_id", from: .text(provider.rawValue), to: nil),
            FieldChange("name", from: .text(organisation.name.rawValue), to: nil),
          ]))
    }
  }

  /// One page of an organisation's log, newest first.
  ///
  /// - Parameter name: The provider id, or the internal id, which also finds the log of a deleted
  ///   organisation.
  /// - Throws: `Rejection.organisationNotFound`, `StoreError`.
  public func audit(_ name: ProviderID, _ query: AuditQuery) async throws -> AuditPage {
    try await store.withTransaction { transaction in
      let found = try await transaction.organisation(provider: name)?.id
      let id = found ?? OrganisationID(rawValue: name.rawValue)
      guard id.isWellFormed else { throw Rejection.organisationNotFound }
      try await transaction.setTenant(id)
      return try await transaction.auditPage(query)
    }
  }

  /// Creates another root key, for an organisation that has lost its own.
  ///
  /// - Throws: `Rejection.organisationNotFound`, `StoreError`.
  public func createRootKey(_ provider: ProviderID, name: Label) async throws -> IssuedKey {
    let request = newRequestID()
    let key = issuer.generate(KeyDraft(friendlyName: name), root: true, from: issuer.seed())
    return try await inOrganisation(provider) { transaction, organisation in
      try await write(key, for: organisation, request: request, in: transaction)
    }
  }

  private func newRequestID() -> RequestID {
    var random = random
    return RequestID(random: &random)
  }

  private func inserting(
    _ id: OrganisationID, _ provider: ProviderID, _ name: Label, in transaction: any TenantTransaction
  ) async throws -> Organisation {
    do {
      return try await transaction.insert(organisation: id, provider: provider, name: name)
    } catch StoreError.providerTaken {
      throw Rejection.providerTaken
    }
  }

  private func inOrganisation<Output: Sendable>(
    _ provider: ProviderID,
    _ body: @Sendable (any TenantTransaction, Organisation) async throws -> Output
  ) async throws -> Output {
    try await store.withTransaction { transaction in
      guard let organisation = try await transaction.organisation(provider: provider) else {
        throw Rejection.organisationNotFound
      }
      try await transaction.setTenant(organisation.id)
      return try await body(transaction, organisation)
    }
  }

  private func write(
    _ generated: KeyIssuer.GeneratedKey, for organisation: Organisation, request: RequestID,
    in transaction: any TenantTransaction
  ) async throws -> IssuedKey {
    try await issuer.write(generated, in: transaction) { key, changes in
      AuditEntry(
        organisationID: organisation.id, principal: .commandLine, action: .keyCreated,
        target: key.id.rawValue, requestID: request, changes: changes)
    }
  }

  private static func entry(
    _ action: AuditAction, of organisation: Organisation, request: RequestID, changes: [FieldChange]
  ) -> AuditEntry {
    AuditEntry(
      organisationID: organisation.id, principal: .commandLine, action: action,
      target: organisation.id.rawValue, requestID: request, changes: changes)
  }
}

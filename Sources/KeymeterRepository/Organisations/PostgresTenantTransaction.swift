import KeymeterDomain
import Postgres
import Synchronization

/// One open transaction and its tenant.
///
/// Each feature adds its operations in an extension.
final class PostgresTenantTransaction: TenantTransaction {
  let connection: Connection
  private let current = Mutex<OrganisationID?>(nil)

  init(connection: Connection) { self.connection = connection }

  /// - Throws: `TenantNotSet`.
  var tenant: OrganisationID {
    get throws {
      guard let tenant = current.withLock({ $0 }) else { throw TenantNotSet() }
      return tenant
    }
  }

  func setTenant(_ organisation: OrganisationID) async throws {
    _ = try await rows(OrganisationStatements.setTenant, [.text(organisation.rawValue)])
    tenantIsSet(to: organisation)
  }

  /// Notes that a statement has set the tenant.
  func tenantIsSet(to organisation: OrganisationID) { current.withLock { $0 = organisation } }

  func tenantParameter() throws -> Parameter { .text(try tenant.rawValue) }

  func rows(_ statement: Statement, _ parameters: [Parameter]) async throws -> [Row] {
    try await connection.execute(statement, parameters).rows
  }

  func row(_ statement: Statement, _ parameters: [Parameter]) async throws -> Row {
    try await connection.row(of: statement, parameters)
  }

  func organisation(provider: ProviderID) async throws -> Organisation? {
    try await rows(OrganisationStatements.organisationByProvider, [.text(provider.rawValue)])
      .first.map(Organisation.init(row:))
  }

  func organisations() async throws -> [Organisation] {
    try await rows(OrganisationStatements.organisations, []).map(Organisation.init(row:))
  }

  func insert(
    organisation id: OrganisationID, provider: ProviderID, name: Label
  ) async throws -> Organisation {
    try await setTenant(id)
    do {
      _ = try await rows(
        OrganisationStatements.insertDirectoryEntry, [.text(id.rawValue), .text(provider.rawValue)])
      return try Organisation(
        row: try await row(
          OrganisationStatements.insertOrganisation,
          [.text(id.rawValue), .text(provider.rawValue), .text(name.rawValue)]))
    } catch let error as PostgresError where error.violates("directory_pkey") {
      throw StoreError.providerTaken
    }
  }

  func rename(to name: Label) async throws {
    _ = try await rows(
      OrganisationStatements.renameOrganisation, [tenantParameter(), .text(name.rawValue)])
  }

  func deleteOrganisation() async throws {
    _ = try await rows(OrganisationStatements.deleteDirectoryEntry, [tenantParameter()])
    _ = try await rows(OrganisationStatements.deleteOrganisation, [tenantParameter()])
  }
}

/// A bug in the caller: a tenant's statement ran before the tenant was set.
struct TenantNotSet: Error {}

extension PostgresError {
  /// Whether it is a violation of the named constraint.
  ///
  /// Compares names, never messages.
  func violates(_ constraint: String) -> Bool { self.constraint == constraint }
}

import KeymeterDomain
import Postgres

extension PostgresTenantTransaction {
  func organisation(forHashes hashes: [SecretHash]) async throws -> OrganisationID? {
    try await organisation(LeakedKeyStatements.organisationForHash, hashes)
  }

  func organisation(forFormerHashes hashes: [SecretHash]) async throws -> OrganisationID? {
    try await organisation(LeakedKeyStatements.organisationForFormerHash, hashes)
  }

  func keyID(forHashes hashes: [SecretHash]) async throws -> KeyID? {
    try await rows(LeakedKeyStatements.keyForHash, parameters(hashes))
      .first.map { KeyID(rawValue: try $0.decode("key_id", as: String.self)) }
  }

  func formerSecret(_ hashes: [SecretHash]) async throws -> FormerSecret? {
    try await rows(LeakedKeyStatements.formerSecret, parameters(hashes)).first.map(FormerSecret.init(row:))
  }

  func markReported(_ hashes: [SecretHash]) async throws -> Bool {
    try await !rows(LeakedKeyStatements.markReported, parameters(hashes)).isEmpty
  }

  private func organisation(
    _ statement: Statement, _ hashes: [SecretHash]
  ) async throws -> OrganisationID? {
    try await rows(statement, [.byteaArray(hashes.map(\.bytes))])
      .first.map { OrganisationID(rawValue: try $0.decode("organisation_id", as: String.self)) }
  }

  private func parameters(_ hashes: [SecretHash]) throws -> [Parameter] {
    [try tenantParameter(), .byteaArray(hashes.map(\.bytes))]
  }
}

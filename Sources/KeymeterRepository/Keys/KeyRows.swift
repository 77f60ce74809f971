import KeymeterDomain
import Postgres

extension Organisation {
  init(row: Row) throws {
    self.init(
      id: OrganisationID(rawValue: try row.decode("organisation_id", as: String.self)),
      providerID: ProviderID(stored: try row.decode("provider_id", as: String.self)),
      name: Label(stored: try row.decode("name", as: String.self)),
      createdAt: try row.timestamp("created_at"))
  }
}

extension APIKey {
  init(row: Row) throws {
    self.init(
      id: KeyID(rawValue: try row.decode("key_id", as: String.self)),
      organisationID: OrganisationID(rawValue: try row.decode("organisation_id", as: String.self)),
      friendlyName: Label(stored: try row.decode("friendly_name", as: String.self)),
      root: try row.decode("root", as: Bool.self),
      environment: try row.raw("environment", as: KeyEnvironment.self),
      scopes: try row.decode("scopes", as: [String].self).map(Scope.init(stored:)),
      limits: MonthlyLimits(
        requests: try row.decode("usage_limit", as: Int64?.self),
        tokens: try row.decode("monthly_token_limit", as: Int64?.self),
        speechSeconds: try row.decode("monthly_stt_secs_limit", as: Int64?.self)),
      linkageID: Label(stored: try row.decode("linkage_id", as: String.self)),
      hint: try row.decode("key_hint", as: String.self),
      createdAt: try row.timestamp("created_at"),
      expiresAt: try row.optionalTimestamp("expires_at"),
      revokedAt: try row.optionalTimestamp("revoked_at"),
      lastUsedAt: try row.optionalTimestamp("last_used_at"),
      status: try row.raw("status", as: KeyStatus.self),
      allowedAddresses: try row.addressList("allowed_cidrs"))
  }
}

extension FormerSecret {
  init(row: Row) throws {
    self.init(
      keyID: KeyID(rawValue: try row.decode("key_id", as: String.self)),
      supersededAt: try row.timestamp("superseded_at"))
  }
}

/// A stored value that this binary does not know, perhaps written by a newer node.
struct UnknownStoredValue: Error {
  let column: String
}

extension PostgresTimestamp {
  init(_ timestamp: Timestamp) { self.init(microsecondsSinceUnixEpoch: timestamp.microseconds) }
}

extension Row {
  func timestamp(_ column: String) throws -> Timestamp {
    Timestamp(microseconds: try decode(column, as: PostgresTimestamp.self).microsecondsSinceUnixEpoch)
  }

  fileprivate func optionalTimestamp(_ column: String) throws -> Timestamp? {
    try decode(column, as: PostgresTimestamp?.self)
      .map { Timestamp(microseconds: $0.microsecondsSinceUnixEpoch) }
  }

  fileprivate func addressList(_ column: String) throws -> AddressList? {
    try decode(column, as: [String]?.self).map { texts in
      AddressList(try texts.map { text in try AddressRange(validating: text, field: column) })
    }
  }

  func raw<Value: RawRepresentable<String>>(
    _ column: String, as: Value.Type
  ) throws -> Value {
    guard let value = Value(rawValue: try decode(column, as: String.self)) else {
      throw UnknownStoredValue(column: column)
    }
    return value
  }
}

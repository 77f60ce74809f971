import FoundationEssentials
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

/// An audit entry in its stored form.
struct AuditRow {
  private let entry: AuditEntry

  init(_ entry: AuditEntry) { self.entry = entry }

  var parameters: [Parameter] {
    get throws {
      let (principal, hint): (String, String?) =
        switch entry.principal {
        case .key(let id, let hint): (id.rawValue, hint)
        case .commandLine: ("cli", nil)
        case .gitHub: ("github", nil)
        }
      return [
        .text(entry.organisationID.rawValue), .text(principal), .text(hint), .text(entry.action.rawValue),
        .text(entry.target), .text(entry.requestID.rawValue), .jsonb(try changes),
      ]
    }
  }

  private var changes: String {
    get throws {
      let fields = entry.changes.map { ($0.field, Change(old: $0.old, new: $0.new)) }
      let json = try JSONEncoder().encode(Dictionary(uniqueKeysWithValues: fields))
      return String(decoding: json, as: UTF8.self)
    }
  }

  private struct Change: Encodable {
    let old: AuditValue?
    let new: AuditValue?

    enum CodingKeys: CodingKey {
      case old, new
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeIfPresent(old.map(EncodableAuditValue.init), forKey: .old)
      try container.encodeIfPresent(new.map(EncodableAuditValue.init), forKey: .new)
    }
  }

  private struct EncodableAuditValue: Encodable {
    let value: AuditValue

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch value {
      case .text(let text): try container.encode(text)
      case .number(let number): try container.encode(number)
      case .boolean(let flag): try container.encode(flag)
      case .list(let texts): try container.encode(texts)
      }
    }
  }
}

extension APIKey {
  /// All fields of the key that may be logged, named as in the Scrubs dialect.
  private var auditedFields: [(name: String, value: AuditValue?)] {
    [
      ("friendly_name", .text(friendlyName.rawValue)),
      ("usage_limit", .number(limits.requests)),
      ("monthly_token_limit", .number(limits.tokens)),
      ("monthly_stt_secs_limit", .number(limits.speechSeconds)),
      ("root", .boolean(root)),
      ("environment", .text(environment.rawValue)),
      ("scopes", .list(scopes.map(\.rawValue))),
      ("expires_at", .time(expiresAt)),
      ("linkage_id", .text(linkageID.rawValue)),
      ("key_hint", .text(hint)),
      ("revoked_at", .time(revokedAt)),
      ("allowed_cidrs", allowedAddresses.map { .list($0.ranges.map(\.description)) }),
    ]
  }

  /// The audit entry's changes from `old` to `new`.
  ///
  /// A created key has no old value, a deleted one no new value.
  static func changes(from old: APIKey?, to new: APIKey?) -> [FieldChange] {
    let before = old?.auditedFields
    let after = new?.auditedFields
    guard let names = (after ?? before)?.map(\.name) else { return [] }
    return names.indices.compactMap { index in
      let step = (old: before?[index].value, new: after?[index].value)
      return step.old == step.new ? nil : FieldChange(names[index], from: step.old, to: step.new)
    }
  }
}

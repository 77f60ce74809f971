import KeymeterDomain

extension JSONObjectWriter {
  /// Every member of a key's metadata, always all of them (contract §3), and the addresses of a key that has a list.
  mutating func scrubsMetadata(_ key: APIKey) {
    member("id", key.id.rawValue)
    member("friendly_name", key.friendlyName.rawValue)
    member("created", key.createdAt.rfc3339)
    member("usage_limit", key.limits.requests)
    member("monthly_stt_secs_limit", key.limits.speechSeconds)
    member("monthly_token_limit", key.limits.tokens)
    member("root", key.root)
    member("environment", key.environment.rawValue)
    member("scopes", key.scopes.map(\.rawValue))
    member("expires_at", key.expiresAt?.rfc3339)
    member("status", key.status.rawValue)
    member("linkage_id", key.linkageID.rawValue)
    member("key_hint", key.hint)
    member("last_used_at", key.lastUsedAt?.rfc3339)
    if let allowed = key.allowedAddresses { member("allowed_cidrs", allowed.ranges.map(\.description)) }
  }
}

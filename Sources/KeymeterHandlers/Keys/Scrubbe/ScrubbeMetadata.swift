import KeymeterDomain

extension JSONObjectWriter {
  /// Every member of a key's metadata, always all of them, the published reference's first (contract §4);
  /// last, the addresses of a key that has a list.
  ///
  /// - Parameter secret: the value that was just made, which is shown this once, under both of its published names.
  mutating func scrubbeMetadata(_ key: APIKey, secret: KeySecret? = nil) {
    member("id", key.id.rawValue)
    member("name", key.friendlyName.rawValue)
    member("environment", key.environment.rawValue)
    member("scopes", key.scopes.map(\.rawValue))
    member("expiresAt", key.expiresAt?.rfc3339)
    member("createdAt", key.createdAt.rfc3339)
    member("status", key.status.rawValue)
    if let secret {
      member("key", secret.revealed)
      member("rawKey", secret.revealed)
    }
    member("root", key.root)
    member("usageLimit", key.limits.requests)
    member("monthlyTokenLimit", key.limits.tokens)
    member("monthlySttSecsLimit", key.limits.speechSeconds)
    member("linkageId", key.linkageID.rawValue)
    member("keyHint", key.hint)
    member("revokedAt", key.revokedAt?.rfc3339)
    member("lastUsedAt", key.lastUsedAt?.rfc3339)
    if let allowed = key.allowedAddresses { member("allowedCidrs", allowed.ranges.map(\.description)) }
  }
}

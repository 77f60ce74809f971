import KeymeterDomain

extension Dialect {
  static let scrubs = Dialect(
    problem: { error in
      switch error {
      case Rejection.credentialsMissing:
        .authenticationFailed(
          "Both X-Scrubs-Clinic-Api-Key and X-Scrubs-Clinic-Provider are required, once each.")
      case Rejection.notAuthentic:
        .authenticationFailed("The API key is not an active key of this provider.")
      default: nil
      }
    },
    response: { $0.response(requestID: $1) })
}

extension JSONObjectWriter {
  /// Writes a key's metadata: always all members (contract §3), and `allowed_cidrs` if the key has a list.
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

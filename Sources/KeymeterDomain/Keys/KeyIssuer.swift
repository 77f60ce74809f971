/// Generates keys, and writes each one with its audit entry.
struct KeyIssuer: Sendable {
  let peppers: PepperSet
  let random: RandomSource

  /// The random parts of a key.
  ///
  /// They are generated before the transaction, so that a retry writes the same key.
  struct Seed: Sendable {
    let body: KeySecret.Body
    let id: KeyID
    /// Used unless the draft names a linkage.
    let linkageID: Label
  }

  /// A key that is not written yet.
  struct GeneratedKey: Sendable {
    let secret: KeySecret
    let key: NewKey
  }

  func seed() -> Seed {
    var random = random
    let body = KeySecret.Body(random: &random)
    let linkage = Label(stored: "lnk_" + Base62.random(24, from: &random))
    return Seed(body: body, id: KeyID(random: &random), linkageID: linkage)
  }

  func generate(_ draft: KeyDraft, root: Bool, from seed: Seed) -> GeneratedKey {
    let secret = KeySecret(environment: draft.environment, body: seed.body)
    let key = NewKey(
      id: seed.id, root: root, draft: draft, linkageID: draft.linkageID ?? seed.linkageID,
      hash: peppers.currentHash(of: secret), hint: secret.hint)
    return GeneratedKey(secret: secret, key: key)
  }

  /// Writes a generated key into the tenant's organisation.
  ///
  /// - Throws: `Rejection.linkageTaken`, and `ValidationFailure` for an expiry that has passed.
  func write(
    _ generated: GeneratedKey, in transaction: any TenantTransaction,
    audit: (APIKey, [FieldChange]) -> AuditEntry
  ) async throws -> IssuedKey {
    do {
      let key = try await transaction.insert(generated.key)
      try await transaction.append(audit(key, APIKey.changes(from: nil, to: key)))
      return IssuedKey(key: key, secret: generated.secret)
    } catch StoreError.linkageTaken {
      throw Rejection.linkageTaken
    } catch StoreError.expiryNotInFuture {
      throw ValidationFailure(field: "expires_at", "must be in the future")
    }
  }
}

/// Makes keys: draws the secret and the ids, and writes key and audit entry in the caller's transaction.
struct KeyIssuer: Sendable {
  let peppers: PepperSet
  let random: RandomSource

  /// A key that is drawn but not yet written.
  ///
  /// GeneratedKey outside the transaction, so that one that is tried again writes the same key.
  struct GeneratedKey: Sendable {
    let secret: KeySecret
    let key: NewKey
  }

  /// The random part of a new value for a key that is there already.
  func drawBody() -> KeySecret.Body {
    var random = random
    return KeySecret.Body(random: &random)
  }

  func draw(_ draft: KeyDraft, root: Bool) -> GeneratedKey {
    var random = random
    let secret = KeySecret(environment: draft.environment, random: &random)
    let linkage = draft.linkageID ?? Label(stored: "lnk_" + Base62.random(24, from: &random))
    let key = NewKey(
      id: KeyID(random: &random), root: root, draft: draft, linkageID: linkage,
      hash: peppers.currentHash(of: secret), hint: secret.hint)
    return GeneratedKey(secret: secret, key: key)
  }

  /// Writes a drawn key into the entered organisation.
  ///
  /// - Throws: `Rejection.linkageTaken`, and `ValidationFailure` for an expiry that has passed.
  func write(
    _ drawn: GeneratedKey, in transaction: any ManagementTransaction,
    audit: (APIKey, [FieldChange]) -> AuditEntry
  ) async throws -> IssuedKey {
    do {
      let key = try await transaction.insert(drawn.key)
      try await transaction.append(audit(key, APIKey.changes(from: nil, to: key)))
      return IssuedKey(key: key, secret: drawn.secret)
    } catch StoreError.linkageTaken {
      throw Rejection.linkageTaken
    } catch StoreError.expiryNotInFuture {
      throw ValidationFailure(field: "expires_at", "must be in the future")
    }
  }
}

/// Is told which keys authenticate while several peppers are active, so that what is stored of them can be brought
/// under the current one.
public protocol DigestRenewal: Sendable {
  /// Notes that the key with these hashes has just authenticated by one of them.
  ///
  /// Returns at once, and may do nothing: the key will be used again.
  ///
  /// - Parameter hashes: one for each active pepper, the current one's first.
  func authenticated(_ hashes: [SecretHash])
}

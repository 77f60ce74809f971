import KeymeterDomain
import KeymeterTesting
import Testing

extension NewKey {
  /// A key as the domain would generate it.
  static func test(
    _ name: String, linkage: String? = nil, limits: MonthlyLimits = .unrestricted,
    expiresAt: Timestamp? = nil, root: Bool = false, random: inout RandomSource
  ) throws -> (key: NewKey, secret: KeySecret) {
    let secret = KeySecret(environment: .staging, random: &random)
    let id = KeyID(random: &random)
    let draft = KeyDraft(
      friendlyName: try .test(name), limits: limits, linkageID: nil, environment: .staging,
      scopes: [try Scope(validating: "incidents:read", field: "scopes")], expiresAt: expiresAt)
    let key = NewKey(
      id: id, root: root, draft: draft, linkageID: try .test(linkage ?? id.rawValue),
      hash: try PepperSet.test.currentHash(of: secret), hint: secret.hint)
    return (key, secret)
  }
}

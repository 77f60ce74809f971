import KeymeterTesting
import Testing

@testable import KeymeterDomain

@Suite struct KeySecretRedactionTests {
  private let secret: KeySecret
  private let issuer: KeyIssuer

  init() throws {
    var random = RandomSource.seeded(10)
    secret = KeySecret(environment: .production, random: &random)
    issuer = KeyIssuer(peppers: try .test, random: .seeded(11))
  }

  @Test("A key prints as its hint")
  func hint() {
    #expect("\(secret)" == secret.hint)
    #expect(secret.description == secret.hint)
    #expect(secret.debugDescription == secret.hint)
    #expect(String(reflecting: secret) == secret.hint)
    #expect(
      Mirror(reflecting: secret).children.map { "\($0.label ?? ""): \($0.value)" } == ["hint: \(secret.hint)"]
    )
  }

  @Test("Printing a key never shows it")
  func printed() {
    for text in renderings(of: secret) { #expect(!leaks(text, ofKey: secret.revealed)) }
  }

  @Test("Printing a value with a key never shows the key")
  func holder() throws {
    let holders: [Any] = [
      [secret], ["key": secret], Optional(secret) as Any, (secret, 1), Holder(secret: secret),
      Failure.holding(secret), Result<KeySecret, Failure>.success(secret),
      Credentials(secret: secret, provider: try ProviderID(validating: "clinic")),
    ]
    for text in holders.flatMap(renderings) { #expect(!leaks(text, ofKey: secret.revealed)) }
  }

  @Test("Printing a generated key never shows its secret")
  func generated() throws {
    let drawn = issuer.generate(KeyDraft(friendlyName: try .test("Till")), root: false, from: issuer.seed())
    for text in renderings(of: drawn) { #expect(!leaks(text, ofKey: drawn.secret.revealed)) }
  }

  @Test("The leak search finds a leak")
  func search() {
    let leaky = renderings(of: [["key": secret.revealed]])
    #expect(
      leaky.allSatisfy { $0.isEmpty || $0 == "key" || $0 == "value" || leaks($0, ofKey: secret.revealed) })
    #expect(leaky.contains(secret.revealed))
    #expect(!leaks(secret.hint, ofKey: secret.revealed))
  }
}

private struct Holder {
  let secret: KeySecret
}

private enum Failure: Error {
  case holding(KeySecret)
}

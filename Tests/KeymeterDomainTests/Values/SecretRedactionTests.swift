import KeymeterTesting
import Testing

@testable import KeymeterDomain

@Suite struct SecretRedactionTests {
  private let secret: KeySecret
  private let body: KeySecret.Body

  init() throws {
    var random = RandomSource.seeded(77)
    body = KeySecret.Body(random: &random)
    secret = KeySecret(environment: .production, body: body)
  }

  @Test("Printing a key's random part never shows it")
  func bodyRedacted() {
    for text in renderings(of: body) + renderings(of: [body]) {
      #expect(!leaks(text, ofKey: secret.revealed), "\(text)")
    }
  }

  @Test("Printing an idempotent request never shows the API key or the idempotency key")
  func request() throws {
    let request = IdempotentRequest(
      name: try IdempotencyKey(validating: "order 4711"),
      fingerprint: RequestFingerprint(method: "POST", path: "/", body: []), secret: secret)
    for text in renderings(of: request) {
      #expect(!leaks(text, ofKey: secret.revealed) && !text.contains("4711"), "\(text)")
    }
  }

  @Test("Printing a value with a hash never shows the bytes")
  func hash() throws {
    let peppers = try PepperSet.test
    let hash = peppers.currentHash(of: secret)
    let holders: [(Any, [UInt8])] = [
      (hash, hash.bytes), (AdmissionRequest(hashes: [hash]), hash.bytes),
      (NewSecret(hash: hash, hint: ""), hash.bytes), (peppers.checks[0], peppers.checks[0].bytes),
    ]
    for (holder, bytes) in holders {
      let run = bytes.prefix(3).map { "\($0)" }.joined(separator: ", ")
      for text in renderings(of: holder) {
        #expect(!text.contains(run) && !text.contains("- \(bytes[0])\n"), "\(text)")
      }
    }
  }

  @Test("Printing credentials never shows the key")
  func credentials() throws {
    let name = try IdempotencyKey(validating: "n")
    let entry = IdempotencyEntry(
      organisationID: OrganisationID(rawValue: "org_a"), keyID: KeyID(rawValue: "key_a"), name: name)
    let holders: [Any] = [
      Credentials(secret: secret),
      ResponseSeal(secret: secret, name: name, entry: entry),
      KeyIssuer(peppers: try .test, random: .seeded(78)),
    ]
    for text in holders.flatMap(renderings) { #expect(!leaks(text, ofKey: secret.revealed)) }
  }

  @Test("No secret type is Encodable")
  func notEncodable() throws {
    let secrets: [Any] = [
      secret, body, try PepperSet.test, try PepperSet.test.hashes(of: secret)[0],
      Credentials(secret: secret),
    ]
    for secret in secrets { #expect(!(secret is any Encodable), "\(type(of: secret))") }
  }
}

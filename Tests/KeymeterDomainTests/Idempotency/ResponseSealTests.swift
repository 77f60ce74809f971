import KeymeterTesting
import Testing

@testable import KeymeterDomain

@Suite struct ResponseSealTests {
  private static let plaintext = Array("the answer".utf8)
  private let secret: KeySecret
  private let other: KeySecret
  private let name: IdempotencyKey
  private let entry: IdempotencyEntry
  private let sealed: SealedResponse

  init() throws {
    var random = RandomSource.seeded(40)
    secret = KeySecret(environment: .production, random: &random)
    other = KeySecret(environment: .production, random: &random)
    name = try IdempotencyKey(validating: "order 7")
    entry = IdempotencyEntry(
      organisationID: OrganisationID(rawValue: "org_a"), keyID: KeyID(rawValue: "key_a"), name: name)
    sealed = try ResponseSeal(secret: secret, name: name, entry: entry)
      .close(Self.plaintext, random: &random)
  }

  @Test("The caller's key opens a response")
  func opens() {
    #expect(ResponseSeal(secret: secret, name: name, entry: entry).open(sealed) == Self.plaintext)
  }

  @Test("Another key does not open it")
  func otherKey() {
    #expect(ResponseSeal(secret: other, name: name, entry: entry).open(sealed) == nil)
  }

  @Test("Another idempotency key does not open it")
  func otherName() throws {
    let name = try IdempotencyKey(validating: "order 8")
    #expect(ResponseSeal(secret: secret, name: name, entry: entry).open(sealed) == nil)
  }

  @Test(
    "A response moved to another entry does not open", arguments: [("org_b", "key_a"), ("org_a", "key_b")])
  func otherEntry(organisation: String, key: String) {
    let entry = IdempotencyEntry(
      organisationID: OrganisationID(rawValue: organisation), keyID: KeyID(rawValue: key), name: name)
    #expect(ResponseSeal(secret: secret, name: name, entry: entry).open(sealed) == nil)
  }

  @Test("A changed or truncated response does not open")
  func tampered() {
    let seal = ResponseSeal(secret: secret, name: name, entry: entry)
    for index in sealed.box.indices {
      var box = sealed.box
      box[index] ^= 1
      #expect(seal.open(SealedResponse(salt: sealed.salt, box: box)) == nil)
    }
    for index in sealed.salt.indices {
      var salt = sealed.salt
      salt[index] ^= 1
      #expect(seal.open(SealedResponse(salt: salt, box: sealed.box)) == nil)
    }
    for length in sealed.box.indices {
      #expect(seal.open(SealedResponse(salt: sealed.salt, box: Array(sealed.box.prefix(length)))) == nil)
    }
  }

  @Test("Each response has its own salt, and therefore its own key")
  func salts() throws {
    var random = RandomSource.system
    let seal = ResponseSeal(secret: secret, name: name, entry: entry)
    let salts = try (0..<100).map { _ in try seal.close(Self.plaintext, random: &random).salt }
    #expect(Set(salts).count == 100)
    #expect(salts.allSatisfy { $0.count == 32 })
  }

  @Test("An entry's hash is stable: a request that is not found runs twice")
  func entryHash() {
    let hex = entry.nameHash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(hex == "fedf468800e4c85e6e6a93f833ec7fde3031137ed6acd003f5b8f2635549608f")
  }

  @Test("Equal idempotency keys of two callers have different hashes")
  func callers() {
    let hashes = [("org_a", "key_a"), ("org_a", "key_b"), ("org_b", "key_a")].map { organisation, key in
      IdempotencyEntry(
        organisationID: OrganisationID(rawValue: organisation), keyID: KeyID(rawValue: key), name: name
      ).nameHash
    }
    #expect(Set(hashes).count == 3)
  }

  @Test("A fingerprint covers method, path and body without ambiguity")
  func fingerprint() {
    let requests = [("POST", "/a", "b"), ("POST", "/a/b", ""), ("PUT", "/a", "b"), ("POST", "/", "a\nb")]
    let prints = requests.map { RequestFingerprint(method: $0, path: $1, body: Array($2.utf8)) }
    #expect(Set(prints).count == requests.count)
    #expect(prints[0] == RequestFingerprint(method: "POST", path: "/a", body: Array("b".utf8)))
  }
}

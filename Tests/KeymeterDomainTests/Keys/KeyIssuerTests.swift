import KeymeterTesting
import Testing

@testable import KeymeterDomain

@Suite struct KeyIssuerTests {
  private let peppers: PepperSet
  private let issuer: KeyIssuer

  init() throws {
    peppers = try PepperSet([
      (id: "new", bytes: Array(repeating: 1, count: 32)), (id: "old", bytes: Array(repeating: 2, count: 32)),
    ])
    issuer = KeyIssuer(peppers: peppers, random: .seeded(30))
  }

  @Test(
    "A generated key has the draft, its secret's hint and its hash under the current pepper",
    arguments: KeyEnvironment.allCases, [false, true])
  func generated(
    environment: KeyEnvironment, root: Bool
  ) throws {
    let draft = KeyDraft(friendlyName: try .test("Till"), environment: environment)
    let drawn = issuer.generate(draft, root: root, from: issuer.seed())
    #expect(drawn.secret.environment == environment)
    #expect(drawn.key.draft == draft)
    #expect(drawn.key.root == root)
    #expect(drawn.key.hint == drawn.secret.hint)
    #expect(drawn.key.hash == peppers.currentHash(of: drawn.secret))
    #expect(drawn.key.hash.pepperID == "new")
  }

  @Test("A requested linkage id is kept")
  func requestedLinkage() throws {
    let draft = KeyDraft(friendlyName: try .test("Till"), linkageID: try .test("shop 7"))
    #expect(issuer.generate(draft, root: false, from: issuer.seed()).key.linkageID.rawValue == "shop 7")
  }

  @Test("A linkage id is generated if none is requested, and never repeats")
  func generatedLinkage() throws {
    let draft = KeyDraft(friendlyName: try .test("Till"))
    let drawn = (0..<2000).map { _ in issuer.generate(draft, root: false, from: issuer.seed()) }
    let linkages = drawn.map(\.key.linkageID.rawValue)
    #expect(linkages.allSatisfy { $0.hasPrefix("lnk_") && $0.count == 28 })
    #expect(Set(linkages).count == drawn.count)
    #expect(Set(drawn.map(\.key.id)).count == drawn.count)
    #expect(Set(drawn.map(\.secret.revealed)).count == drawn.count)
  }

  @Test("Neither id nor linkage id reveals the secret")
  func unrelated() throws {
    let drawn = issuer.generate(KeyDraft(friendlyName: try .test("Till")), root: false, from: issuer.seed())
    #expect(!leaks(drawn.key.id.rawValue, ofKey: drawn.secret.revealed))
    #expect(!leaks(drawn.key.linkageID.rawValue, ofKey: drawn.secret.revealed))
  }
}

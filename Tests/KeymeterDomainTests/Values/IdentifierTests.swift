import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct IdentifierTests {
  @Test("Each kind of id has its own prefix and 24 base62 characters")
  func prefixes() {
    var random = RandomSource.seeded(13)
    expectForm(KeyID(random: &random), prefix: "key_")
    expectForm(OrganisationID(random: &random), prefix: "org_")
    expectForm(RequestID(random: &random), prefix: "req_")
  }

  @Test("Ids do not repeat, and consecutive ids share no beginning")
  func unique() {
    var random = RandomSource.seeded(14)
    let ids = (0..<10_000).map { _ in KeyID(random: &random) }
    #expect(Set(ids).count == ids.count)
    #expect(zip(ids, ids.dropFirst()).allSatisfy { $0.rawValue.prefix(12) != $1.rawValue.prefix(12) })
  }

  @Test("A received id is kept unchanged", arguments: ["", "key_", "org_1", "KEY_x", "\0", "日本"])
  func received(text: String) {
    #expect(KeyID(rawValue: text).rawValue == text)
    #expect("\(KeyID(rawValue: text))" == text)
  }

  private func expectForm(_ id: some IssuedIdentifier, prefix: String) {
    #expect(id.rawValue.hasPrefix(prefix))
    #expect(id.rawValue.dropFirst(prefix.count).count == 24)
    #expect(id.rawValue.dropFirst(prefix.count).allSatisfy(base62Characters.contains))
    #expect(id.description == id.rawValue)
  }
}

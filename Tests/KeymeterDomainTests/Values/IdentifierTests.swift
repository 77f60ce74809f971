import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct IdentifierTests {
  @Test func `each kind has its own prefix before 24 base62 characters`() {
    var random = RandomSource.seeded(13)
    expectForm(KeyID(random: &random), prefix: "key_")
    expectForm(OrganisationID(random: &random), prefix: "org_")
    expectForm(RequestID(random: &random), prefix: "req_")
  }

  @Test func `ids don't repeat, nor share a beginning with the one before`() {
    var random = RandomSource.seeded(14)
    let ids = (0..<10_000).map { _ in KeyID(random: &random) }
    #expect(Set(ids).count == ids.count)
    #expect(zip(ids, ids.dropFirst()).allSatisfy { $0.rawValue.prefix(12) != $1.rawValue.prefix(12) })
  }

  @Test(arguments: ["", "key_", "org_1", "KEY_x", "\0", "日本"])
  func `an id that was received is taken as it is`(text: String) {
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

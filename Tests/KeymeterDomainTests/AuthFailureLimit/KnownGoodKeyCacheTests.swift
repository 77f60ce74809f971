import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct KnownGoodKeyCacheTests {
  private static func credentials(_ seed: UInt64, provider: String? = nil) throws -> Credentials {
    var random = RandomSource.seeded(seed)
    return Credentials(
      secret: KeySecret(environment: .production, random: &random),
      provider: try provider.map { try ProviderID(validating: $0) })
  }

  @Test("A key is known from when it authenticates until it fails")
  func known() throws {
    let proven = KnownGoodKeyCache()
    let mine = try Self.credentials(1)
    let other = try Self.credentials(2)
    #expect(!proven.contains(mine))
    proven.insert(mine)
    proven.insert(mine)
    #expect(proven.contains(mine))
    #expect(!proven.contains(other))
    proven.remove(other)
    #expect(proven.contains(mine))
    proven.remove(mine)
    #expect(!proven.contains(mine))
  }

  @Test("A key is known per provider, so one valid key can't probe all of them")
  func provider() throws {
    let proven = KnownGoodKeyCache()
    proven.insert(try Self.credentials(1, provider: "home"))
    #expect(try proven.contains(Self.credentials(1, provider: "home")))
    #expect(try !proven.contains(Self.credentials(1, provider: "neighbour")))
    #expect(try !proven.contains(Self.credentials(1)))
  }

  @Test("Most keys are remembered up to the capacity")
  func capacity() throws {
    let proven = KnownGoodKeyCache()
    let keys = try (0..<10_000 as Range<UInt64>).map { try Self.credentials($0) }
    for key in keys { proven.insert(key) }
    #expect(keys.count(where: { proven.contains($0) }) > 8_500)
  }
}

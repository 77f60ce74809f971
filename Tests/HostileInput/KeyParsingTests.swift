import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Hostile input: keys", .timeLimit(.minutes(10)))
struct KeyParsingTests {
  @Test("No text of the corpus is accepted as a key")
  func corpus() {
    for text in HostileText.all + HostileBytes.pieces.map({ String(decoding: $0, as: UTF8.self) }) {
      #expect(KeySecret(presented: text) == nil, "\(text.prefix(100))")
    }
  }

  @Test("A damaged key is rejected: only the exact bytes that were issued are accepted")
  func nearly() {
    var generator = HostileGenerator(seed: FuzzSettings.seed)
    var random = RandomSource.seeded(FuzzSettings.seed)
    for _ in 0..<max(2_000, FuzzSettings.cases) {
      let key = KeySecret(environment: .production, random: &random).revealed
      let damaged = generator.key(like: key)
      guard let read = KeySecret(presented: damaged) else { continue }
      // The damage may cancel out.
      #expect(Array(read.revealed.utf8) == Array(damaged.utf8))
      #expect(Array(damaged.utf8) == Array(key.utf8), "FUZZ_SEED=\(FuzzSettings.seed)")
    }
  }
}

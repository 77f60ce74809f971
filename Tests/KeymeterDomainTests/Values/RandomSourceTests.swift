import KeymeterDomain
import Testing

@Suite struct RandomSourceTests {
  @Test func `the system's source does not repeat itself`() {
    var random = RandomSource.system
    let numbers = (0..<1000).map { _ in random.next() }
    #expect(Set(numbers).count == 1000)
  }

  @Test func `a copy goes on where the system is, and not where the original was`() {
    var original = RandomSource.system
    var copy = original
    #expect(original.next() != copy.next())
  }
}

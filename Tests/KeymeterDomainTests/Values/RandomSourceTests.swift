import KeymeterDomain
import Testing

@Suite struct RandomSourceTests {
  @Test("The system source does not repeat")
  func unique() {
    var random = RandomSource.system
    let numbers = (0..<1000).map { _ in random.next() }
    #expect(Set(numbers).count == 1000)
  }

  @Test("A copy of the system source does not repeat the original")
  func copies() {
    var original = RandomSource.system
    var copy = original
    #expect(original.next() != copy.next())
  }
}

import Testing

@testable import KeymeterDomain

@Suite struct MonthlyLimitsTests {
  @Test("The subscript reads and writes only its own dimension", arguments: Dimension.allCases)
  func subscripting(dimension: Dimension) {
    var limits = MonthlyLimits(requests: 1, tokens: 2, speechSeconds: 3)
    let before = limits
    limits[dimension] = 0
    for other in Dimension.allCases { #expect(limits[other] == (other == dimension ? 0 : before[other])) }
    limits[dimension] = nil
    #expect(limits[dimension] == nil)
    limits[dimension] = before[dimension]
    #expect(limits == before)
  }

  @Test("Dimensions and properties address the same limits")
  func properties() {
    let limits = MonthlyLimits(requests: 1, tokens: 2, speechSeconds: 3)
    #expect(limits[.requests] == limits.requests)
    #expect(limits[.tokens] == limits.tokens)
    #expect(limits[.speechSeconds] == limits.speechSeconds)
    #expect(Dimension.allCases.map(\.rawValue) == ["requests", "tokens", "stt_secs"])
  }

  @Test("A missing limit is unrestricted, which differs from 0")
  func unrestricted() {
    #expect(Dimension.allCases.allSatisfy { MonthlyLimits.unrestricted[$0] == nil })
    #expect(MonthlyLimits(requests: 0) != .unrestricted)
  }

  @Test("The largest limit is 2^53 − 1")
  func largest() {
    #expect(MonthlyLimits.largest == (1 << 53) - 1)
  }

  @Test(
    "A limit is kept, cleared or set",
    arguments: [
      (LimitChange.unchanged, nil, nil), (.unchanged, 0, 0), (.unchanged, 5, 5), (.cleared, nil, nil),
      (.cleared, 0, nil), (.cleared, 5, nil), (.set(0), nil, 0), (.set(0), 5, 0), (.set(7), 5, 7),
    ] as [(LimitChange, Int64?, Int64?)])
  func changes(change: LimitChange, old: Int64?, new: Int64?) {
    #expect(change.applied(to: old) == new)
  }
}

import Testing

@testable import KeymeterServer

@Suite("Where an exchange stands")
struct ExchangeStateTests {
  @Test("Bytes that make no whole request leave one incomplete; those that end one do not")
  func incomplete() {
    var state = ExchangeState()
    let beginning = state.bytesArrived()
    #expect(beginning, "half a head")
    state.headArrived()
    let body = state.bytesArrived()
    #expect(body, "a head without its body")
    state.endArrived()
    let end = state.bytesArrived()
    #expect(!end)
    let next = state.bytesArrived()
    #expect(next, "the next one begins")
  }

  @Test("A request of which nothing was said is refused when it is overdue")
  func refuse() {
    var state = ExchangeState()
    #expect(state.overdue == .reject)
    state.headArrived()
    #expect(state.overdue == .reject)
    #expect(!state.isRestOfAnswered)
  }

  @Test("A request whose answer has begun, or ended, can only be cut off")
  func close() {
    var state = ExchangeState()
    state.headArrived()
    _ = state.responseBegan()
    #expect(state.overdue == .close)
    state.responseEnded()
    #expect(state.overdue == .close)
    #expect(state.isRestOfAnswered)
    state.endArrived()
    #expect(!state.isRestOfAnswered)
    #expect(state.overdue == .reject, "what comes now belongs to the next one")
  }

  @Test("While answers are owed to earlier requests, nobody is overdue")
  func wait() {
    var state = ExchangeState()
    for _ in 0..<2 {
      state.headArrived()
      state.endArrived()
    }
    #expect(state.responsesOwed == 2 && state.overdue == .wait)
    state.headArrived()
    #expect(state.overdue == .wait)
    for _ in 0..<2 {
      #expect(state.owesEarlierResponses)
      _ = state.responseBegan()
      #expect(state.overdue == .wait, "the answer is an earlier one's")
      state.responseEnded()
    }
    #expect(!state.owesEarlierResponses && state.responsesOwed == 1 && state.overdue == .reject)
  }
}

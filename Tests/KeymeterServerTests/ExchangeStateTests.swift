import Testing

@testable import KeymeterServer

@Suite("Exchange state")
struct ExchangeStateTests {
  @Test("A request is incomplete until its end has arrived")
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

  @Test("An overdue request without a response is rejected")
  func reject() {
    var state = ExchangeState()
    #expect(state.overdue == .reject)
    state.headArrived()
    #expect(state.overdue == .reject)
    #expect(!state.isRestOfAnswered)
  }

  @Test("An overdue request whose response has begun or ended closes the connection")
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
    #expect(state.overdue == .reject, "the next bytes belong to the next request")
  }

  @Test("No request is overdue while responses to earlier requests are owed")
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
      #expect(state.overdue == .wait, "the response belongs to an earlier request")
      state.responseEnded()
    }
    #expect(!state.owesEarlierResponses && state.responsesOwed == 1 && state.overdue == .reject)
  }
}

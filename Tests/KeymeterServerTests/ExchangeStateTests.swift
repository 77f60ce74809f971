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
    #expect(state.overdue == .refuse)
    state.headArrived()
    #expect(state.overdue == .refuse)
    #expect(!state.isRestOfAnswered)
  }

  @Test("A request whose answer has begun, or ended, can only be cut off")
  func close() {
    var state = ExchangeState()
    state.headArrived()
    state.answerBegan()
    #expect(state.overdue == .close)
    state.answerEnded()
    #expect(state.overdue == .close)
    #expect(state.isRestOfAnswered)
    state.endArrived()
    #expect(!state.isRestOfAnswered)
    #expect(state.overdue == .refuse, "what comes now belongs to the next one")
  }

  @Test("While answers are owed to earlier requests, nobody is overdue")
  func wait() {
    var state = ExchangeState()
    for _ in 0..<2 {
      state.headArrived()
      state.endArrived()
    }
    #expect(state.answersOwed == 2 && state.overdue == .wait)
    state.headArrived()
    #expect(state.overdue == .wait)
    for _ in 0..<2 {
      #expect(state.owesEarlierAnswers)
      state.answerBegan()
      #expect(state.overdue == .wait, "the answer is an earlier one's")
      state.answerEnded()
    }
    #expect(!state.owesEarlierAnswers && state.answersOwed == 1 && state.overdue == .refuse)
  }
}

import Testing

@testable import KeymeterDomain

@Suite struct StoredResponseTests {
  private static let answer = StoredResponse(
    status: 201,
    fields: [
      .init(name: "Content-Type", value: "application/json"), .init(name: "RateLimit", value: ""),
      .init(name: "X-Keymeter-Scopes", value: "a b"), .init(name: "X-Keymeter-Scopes", value: "é"),
    ], body: [0, 255, 10, 13] + Array(#"{"a":1}"#.utf8))

  @Test func `what was written is read back, to the byte`() {
    let answer = Self.answer
    #expect(StoredResponse(bytes: answer.bytes) == answer)
    let bare = StoredResponse(status: 200, fields: [], body: [])
    #expect(StoredResponse(bytes: bare.bytes) == bare)
  }

  @Test func `its form stays: answers outlive the process that wrote them`() {
    let answer = StoredResponse(status: 201, fields: [.init(name: "A", value: "bc")], body: [9])
    #expect(answer.bytes == [0, 201, 0, 1, 0, 0, 0, 1, 65, 0, 0, 0, 2, 98, 99, 9])
  }

  @Test func `what was cut off before the body is no answer`() {
    let bytes = Self.answer.bytes
    for length in 0..<(bytes.count - Self.answer.body.count) {
      #expect(StoredResponse(bytes: bytes.prefix(length)) == nil, "\(length)")
    }
  }

  @Test func `lengths that lie are no answer`() {
    #expect(StoredResponse(bytes: [0, 200, 0, 1, 255, 255, 255, 255, 65]) == nil)
    #expect(StoredResponse(bytes: [0, 200, 255, 255]) == nil)
    #expect(StoredResponse(bytes: [0, 200, 0, 1, 0, 0, 0, 1, 255, 0, 0, 0, 0]) == nil)
  }
}

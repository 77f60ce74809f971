import HTTPTypes
import NIOCore
import Testing

@testable import KeymeterHandlers

@Suite("The sealed format of responses")
struct SealedFormatTests {
  private static func response(
    _ status: Int, _ headers: [(String, String)], _ body: [UInt8]
  ) throws
    -> BufferedResponse
  {
    let fields = try headers.map { HTTPField(name: try #require(.init($0)), value: $1) }
    return BufferedResponse(
      status: .init(code: status), headers: HTTPFields(fields), body: ByteBuffer(bytes: body))
  }

  private static func full() throws -> BufferedResponse {
    try response(
      201,
      [
        ("Content-Type", "application/json"), ("RateLimit", ""), ("X-Keymeter-Scopes", "a b"),
        ("X-Keymeter-Scopes", "é"),
      ], [0, 255, 10, 13] + Array(#"{"a":1}"#.utf8))
  }

  @Test("a response survives the round trip byte for byte")
  func roundTrip() throws {
    for response in [try Self.full(), try Self.response(200, [], [])] {
      let read = try #require(BufferedResponse(sealableBytes: response.sealableBytes[...]))
      #expect(read.head == response.head && read.body == response.body)
    }
  }

  @Test("the format is stable, because other versions read it")
  func stable() throws {
    let response = try Self.response(201, [("A", "bc")], [9])
    #expect(response.sealableBytes == [0, 201, 0, 1, 0, 0, 0, 1, 65, 0, 0, 0, 2, 98, 99, 9])
  }

  @Test("bytes cut off before the body are rejected")
  func truncated() throws {
    let response = try Self.full()
    let bytes = response.sealableBytes
    for length in 0..<(bytes.count - response.body.readableBytes) {
      #expect(BufferedResponse(sealableBytes: bytes.prefix(length)) == nil, "\(length)")
    }
  }

  @Test(
    "wrong lengths and statuses are rejected",
    arguments: [
      [0, 200, 0, 1, 255, 255, 255, 255, 65], [0, 200, 255, 255],
      [0, 200, 0, 1, 0, 0, 0, 1, 255, 0, 0, 0, 0], [255, 255, 0, 0],
    ] as [[UInt8]])
  func malformed(bytes: [UInt8]) {
    #expect(BufferedResponse(sealableBytes: bytes[...]) == nil)
  }

  @Test("printing a response shows neither its body nor a header")
  func redacted() throws {
    let secret = "sk_live_secret"
    let response = try Self.response(201, [("X-Key", secret)], Array(secret.utf8))
    var dumped = ""
    dump(response, to: &dumped)
    for text in ["\(response)", String(reflecting: response), dumped, "\([response])"] {
      #expect(!text.contains(secret) && !text.contains("X-Key"), "\(text)")
      #expect(!text.contains("\(Array(secret.utf8).map(String.init).joined(separator: ", "))"))
    }
    #expect(!(response as Any is any Encodable))
  }
}

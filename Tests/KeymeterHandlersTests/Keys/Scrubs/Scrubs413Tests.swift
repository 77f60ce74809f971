import HTTPTypes
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 413: Request body is too large")
struct Scrubs413Tests {
  /// A body of this length that creates a key.
  static func body(ofLength length: Int) -> [UInt8] {
    let document = #"{"friendly_name":"Big"}"#
    return Array((document + String(repeating: " ", count: length - document.utf8.count)).utf8)
  }

  @Test("65,536 bytes are read, and 65,537 get 413", arguments: ScrubsOperation.withBody)
  func threshold(operation: ScrubsOperation) async throws {
    let service = try await Service()
    let call = Call.scrubs(operation.method, by: service.home.credentials)
    let largest = try await service.send(call.sending(Self.body(ofLength: 65_536)))
    #expect(largest.status == (operation == .create ? 201 : 400))
    let answer = try await service.send(call.sending(Self.body(ofLength: 65_537)))
    try expectProblem(answer, 413, code: "body_too_large")
    #expect(try await service.keysOfHome().count == (operation == .create ? 2 : 1))
  }

  @Test("On a socket, a body with a Content-Length above the limit is rejected and the connection stays open")
  func announced() async throws {
    let service = try await Service()
    let call = Call.scrubs(.post, by: service.home.credentials)
    for (length, status) in [(65_537, 413), (65_536, 201), (1_000_000, 413), (23, 201)] {
      let answers = try await service.application().test(.live) { client in
        let oversize = call.sending(Self.body(ofLength: length))
        let first = try await client.answer(to: oversize)
        return (first, try await client.answer(to: Call(.get, "/health/live")))
      }
      #expect(answers.0.status == status, "\(length)")
      #expect(answers.1.status == 200, "\(length)")
    }
  }

  @Test(
    "On a socket, a chunked body is limited while it arrives",
    arguments: [(65_536, 201), (65_537, 413), (500_000, 413)])
  func chunked(length: Int, status: Int) async throws {
    let service = try await Service()
    let body = Self.body(ofLength: length)
    var request = RawRequest.head(
      of: .scrubs(.post, by: service.home.credentials).with(.contentType, "application/json"),
      adding: ["Transfer-Encoding: chunked", "Connection: close"])
    for start in stride(from: 0, to: body.count, by: 1000) {
      let chunk = body[start..<min(start + 1000, body.count)]
      request += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Array("\r\n".utf8)
    }
    request += Array("0\r\n\r\n".utf8)
    let reply = try await service.exchange(request)
    #expect(reply.hasPrefix("HTTP/1.1 \(status) "))
    if status == 413 {
      #expect(reply.contains(#""code":"body_too_large""#))
      #expect(!reply.holdsKeySecret)
    }
  }

  @Test("A Content-Length above the limit is rejected without waiting for the body")
  func announcedOnly() async throws {
    let service = try await Service()
    let request = RawRequest.head(
      of: .scrubs(.post, by: service.home.credentials).with(.contentType, "application/json"),
      adding: ["Content-Length: 1000000", "Connection: close"])
    let reply = try await service.exchange(request)
    #expect(reply.hasPrefix("HTTP/1.1 413 "))
  }
}

import HTTPTypes
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import NIOCore
import Testing

@testable import KeymeterHandlers

@Suite("Verify: any method, any body")
struct VerifyMethodTests {
  private static let methods = [
    "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY", "PURGE",
    "get", "X", "M-SEARCH",
  ]

  @Test(
    "Every method verifies and charges, on both paths, with both kinds of credentials", arguments: methods)
  func everyMethod(name: String) async throws {
    let service = try await Service()
    let key = try await service.key()
    let method = try #require(HTTPRequest.Method(name))
    for path in [Call.verifyPath, Call.verifyPath + "/a/b"] {
      let call = Call.runtime(method, path, by: key)
      for call in [call, call.asScrubs()] {
        let answer = try await service.ask(call)
        #expect(answer.status == 200)
        #expect(try answer.text("key_id") == key.key.id.rawValue)
      }
    }
    #expect(try await service.used(by: key).requests == 4)
  }

  @Test("HEAD charges like GET and returns the same headers without a body")
  func head() async throws {
    let service = try await Service()
    let key = try await service.key(MonthlyLimits(requests: 2))
    for path in [Call.verifyPath, Call.verifyPath + "/"] {
      let answer = try await service.ask(.runtime(.head, path, by: key))
      #expect(answer.status == 200)
      #expect(answer.bytes.isEmpty)
      #expect(answer.headers[.keyIDHeader] == key.key.id.rawValue)
      #expect(try RateLimits(answer.headers).limits.count == 1)
    }
    let refused = try await service.ask(.runtime(.head, Call.verifyPath, by: key))
    #expect(refused.status == 429 && refused.bytes.isEmpty)
    #expect(refused.headers[.reasonHeader] == "over_limit")
    #expect(try await service.ask(Call(.head, Call.verifyPath)).bytes.isEmpty)
    #expect(try await service.used(by: key).requests == 2)
  }

  @Test("The next response on a connection after HEAD is read correctly")
  func headOnTheWire() async throws {
    let service = try await Service()
    let key = try await service.key()
    let first = RawRequest.head(of: .runtime(.head, Call.verifyPath, by: key))
    let second = RawRequest.head(of: Call(.get, "/health/live"), adding: ["Connection: close"])
    let reply = try await service.exchange(first + second)
    #expect(reply.hasPrefix("HTTP/1.1 200 "))
    #expect(reply.contains("\r\n\r\nHTTP/1.1 200 "))
    #expect(reply.hasSuffix(#"{"status":"live"}"#))
  }

  @Test(
    "The body is ignored for any content and media type",
    arguments: [nil, "application/json", "text/plain", "multipart/form-data; boundary=x", ""])
  func body(contentType: String?) async throws {
    let service = try await Service()
    let key = try await service.key()
    let bodies: [[UInt8]] = [
      [], Array(#"{"requests":5,"tokens":-1,"scope":"nope"}"#.utf8), Array("requests=9&deny_status=1".utf8),
      [0xff, 0x00, 0xfe], Array(repeating: 0x7b, count: JSONBody.largest + 1),
    ]
    for (index, body) in bodies.enumerated() {
      for path in [Call.verifyPath, Call.verifyPath + "/x"] {
        let answer = try await service.ask(.runtime(.post, path, by: key).sending(body, as: contentType))
        #expect(answer.status == 200)
      }
      #expect(try await service.used(by: key) == Amounts(requests: Int64(index + 1) * 2))
    }
  }

  @Test("On a socket, a large body is ignored and the connection stays open")
  func largeBodyOnTheWire() async throws {
    let service = try await Service()
    let key = try await service.key()
    let call = Call.runtime(.put, Call.verifyPath, by: key)
      .sending(Array(repeating: 0x61, count: 1_000_000), as: "application/json")
    let statuses = try await service.application().test(.live) { client in
      var statuses: [Int] = []
      for _ in 1...2 {
        statuses.append(try await client.answer(to: call).status)
      }
      return statuses + [try await client.answer(to: Call(.get, "/health/live")).status]
    }
    #expect(statuses == [200, 200, 200])
    #expect(try await service.used(by: key).requests == 2)
  }

  @Test(
    "A path that only starts like verify is not a verification and charges nothing",
    arguments: [
      "/api/v1/verifyx", "/api/v1/verify-all", "/api/v1/verify%2f", "/api/v1/verify.", "/api/v1/verif",
      "/api/v1/Verify", "/x/api/v1/verify", "/api/v1/verifyx/verify", "/api/v1/verify;x=1",
      "/api/v1/verify%20",
      "/api/v1/verify*",
    ])
  func otherPaths(path: String) async throws {
    let service = try await Service()
    for method in [HTTPRequest.Method.get, .post, .patch] {
      let answer = try await service.askRejected(.runtime(method, path, by: service.home.root))
      try expectProblem(answer, 404, code: "path_not_found")
    }
  }
}

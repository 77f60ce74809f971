import HTTPTypes
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("On the wire")
struct WireTests {
  @Test(
    "HEAD gets no body on any path, so the next response is read correctly",
    arguments: ["/api/v1/api-key", "/health/live", "/health/ready", "/nope", "/"])
  func head(path: String) async throws {
    let service = try await Service()
    let first = RawRequest.head(of: Call(.head, path))
    let second = RawRequest.head(of: Call(.get, "/health/live"), adding: ["Connection: close"])
    let reply = try await service.exchange(first + second)
    let answers = reply.components(of: "HTTP/1.1 ")
    #expect(answers.count == 2, "\(reply)")
    #expect(answers.first?.hasSuffix("\r\n\r\n") == true, "\(reply)")
    #expect(answers.last?.hasSuffix(#"{"status":"live"}"#) == true)
  }

  @Test(
    "A malformed request is rejected, and the server goes on",
    arguments: [
      "GARBAGE\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
      "GET /health/live HTTP/1.1\r\nBad Header: x\r\n\r\n",
      "POST /api/v1/api-key HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
      "POST /api/v1/api-key HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ])
  func malformed(request: String) async throws {
    let service = try await Service()
    let reply = try await service.exchange(Array(request.utf8))
    #expect(reply.hasPrefix("HTTP/1.1 400 "), "\(reply)")
    #expect(reply.lowercased().contains("connection: close"))
    #expect(try await service.send(Call(.get, "/health/live")).status == 200)
  }

  @Test("A header that is repeated on the wire counts as repeated")
  func repeatedHeader() async throws {
    let service = try await Service()
    let call = Call.scrubs(.get, by: service.home.credentials)
    let provider = try #require(call.headers[.providerHeader])
    let twice = RawRequest.head(
      of: call, adding: ["x-scrubs-clinic-provider: \(provider)", "Connection: close"])
    #expect(try await service.exchange(twice).hasPrefix("HTTP/1.1 401 "))
    let once = RawRequest.head(of: call, adding: ["Connection: close"])
    #expect(try await service.exchange(once).hasPrefix("HTTP/1.1 200 "))
  }

  @Test("Header names are case-insensitive")
  func headerCase() async throws {
    let service = try await Service()
    let secret = service.home.root.secret.revealed
    let request = """
      GET /api/v1/api-key HTTP/1.1\r
      host: localhost\r
      x-scrubs-clinic-api-key:   \(secret)  \r
      X-SCRUBS-CLINIC-PROVIDER: home\r
      connection: close\r
      \r\n
      """
    #expect(try await service.exchange(Array(request.utf8)).hasPrefix("HTTP/1.1 200 "))
  }

  @Test("Successive calls on one connection are answered in order, rejected ones included")
  func pipeline() async throws {
    let service = try await Service()
    let statuses = try await service.application().test(.live) { client in
      var statuses: [Int] = []
      for call in [
        Call.scrubs(.post, by: service.home.credentials, json: #"{"friendly_name":"T"}"#),
        .scrubs(.post, by: service.home.credentials, json: "{"), Call(.patch), Call(.get, "/nope"),
        .scrubs(.get, by: service.home.credentials),
      ] {
        statuses.append(try await client.answer(to: call).status)
      }
      return statuses
    }
    #expect(statuses == [201, 400, 405, 404, 200])
  }
}

extension String {
  /// The parts after each occurrence of `separator`.
  fileprivate func components(of separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: true).map(String.init)
  }
}

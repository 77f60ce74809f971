import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// An answer, read whole.
struct Reply: Sendable {
  let status: Int
  let headers: HTTPHeaders
  let body: String

  /// The body's members, as Foundation reads them.
  var json: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
  }

  func text(_ member: String) -> String? { json[member] as? String }
}

/// Sends one request and reads the answer, within 30 seconds.
func send(
  _ method: HTTPMethod, _ url: String, headers: [(String, String)] = [], body: String? = nil,
  from localAddress: String? = nil, via client: HTTPClient = .shared
) async throws -> Reply {
  var request = HTTPClientRequest(url: url)
  request.method = method
  request.localAddress = localAddress
  request.headers = HTTPHeaders(headers)
  if let body { request.body = .bytes(ByteBuffer(string: body)) }
  let response = try await client.execute(request, timeout: .seconds(30))
  let bytes = try await response.body.collect(upTo: 16 * 1024 * 1024)
  return Reply(
    status: Int(response.status.code), headers: response.headers, body: String(buffer: bytes))
}

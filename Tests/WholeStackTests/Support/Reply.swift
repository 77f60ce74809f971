import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// A complete response.
struct Reply: Sendable {
  let status: Int
  let headers: HTTPHeaders
  let body: String

  /// The body's members, decoded by Foundation.
  var json: [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
  }

  func text(_ member: String) -> String? { json[member] as? String }

  func header(_ name: String) -> String? { headers.first(name: name) }

  /// One number of `limits`, or `nil` if it is `null` or missing.
  func limit(_ dimension: String, _ member: String) -> Int? {
    let limits = json["limits"] as? [String: Any]
    return (limits?[dimension] as? [String: Any])?[member] as? Int
  }
}

/// Bounds a request that hangs.
let requestTimeout = TimeAmount.seconds(120)

/// Sends one request and reads the response.
func send(
  _ method: HTTPMethod, _ url: String, headers: [(String, String)] = [], body: String? = nil,
  from localAddress: String? = nil, via client: HTTPClient = .shared
) async throws -> Reply {
  var request = HTTPClientRequest(url: url)
  request.method = method
  request.localAddress = localAddress
  request.headers = HTTPHeaders(headers)
  if let body { request.body = .bytes(ByteBuffer(string: body)) }
  let response = try await client.execute(request, timeout: requestTimeout)
  let bytes = try await response.body.collect(upTo: 16 * 1024 * 1024)
  return Reply(
    status: Int(response.status.code), headers: response.headers, body: String(buffer: bytes))
}

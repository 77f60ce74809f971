import AsyncHTTPClient
import Crypto
import Foundation
import NIOHTTP1

/// Reports leaked keys like GitHub, with its own signing key.
struct GitHub: Sendable {
  static let test = GitHub(identifier: "a1b2c3")

  let identifier: String
  private let key = P256.Signing.PrivateKey()

  init(identifier: String) { self.identifier = identifier }

  /// The public key in the setting's format.
  var setting: String { "\(identifier):\(key.publicKey.derRepresentation.base64EncodedString())" }

  /// The public key in PEM.
  var pem: String { key.publicKey.pemRepresentation }

  /// The settings of a node that accepts reports.
  var environment: [String: String] { ["KEYMETER_GITHUB_SECRET_SCANNING_KEYS": setting] }

  func report(
    _ tokens: [String], to node: Node, via client: HTTPClient = .shared
  ) async throws -> Reply {
    let matches = tokens.map {
      #"{"token":"\#($0)","type":"keymeter_api_key","url":"https://github.com/o/r?q=\#($0)","source":"content"}"#
    }
    let body = "[\(matches.joined(separator: ","))]"
    let signature = try key.signature(for: Data(body.utf8)).derRepresentation.base64EncodedString()
    return try await send(
      .POST, node.baseURL + "/api/v1/leaks/github",
      headers: [
        ("Content-Type", "application/json"), ("Github-Public-Key-Identifier", identifier),
        ("Github-Public-Key-Signature", signature),
      ], body: body, via: client)
  }
}

extension Reply {
  /// The label of each report, in order.
  var labels: [String] {
    let lines = (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [[String: String]] ?? []
    return lines.compactMap { $0["label"] }
  }
}

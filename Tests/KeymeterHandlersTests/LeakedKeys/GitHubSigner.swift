import Crypto
import Foundation
import HTTPTypes
import KeymeterDomain

/// Signs leak reports as GitHub does, with a test key.
struct GitHubSigner: Sendable {
  static let path = "/api/v1/leaks/github"

  let identifier: String
  private let key = P256.Signing.PrivateKey()

  init(identifier: String = "5f9d0c2ab8") { self.identifier = identifier }

  var keys: ReporterKeys {
    get throws { try ReporterKeys([(identifier: identifier, der: Array(key.publicKey.derRepresentation))]) }
  }

  func signature(of body: [UInt8]) throws -> String {
    try key.signature(for: body).derRepresentation.base64EncodedString()
  }

  /// A signed report with this body.
  func report(_ json: String) throws -> Call {
    let body = Array(json.utf8)
    return Call(.post, Self.path).sending(body)
      .with(.gitHubIdentifierHeader, identifier)
      .with(.gitHubSignatureHeader, try signature(of: body))
  }

  /// A signed report of these tokens.
  func report(of tokens: [String]) throws -> Call {
    try report("[" + tokens.map { Self.match($0) }.joined(separator: ",") + "]")
  }

  static func match(_ token: String) -> String {
    #"{"token":"\#(token)","type":"keymeter_api_key","url":"https://github.com/o/r/blob/1/f","source":"content"}"#
  }

  static func hash(_ text: String) -> String {
    SHA256.hash(data: Data(text.utf8)).map { String(format: "%02x", $0) }.joined()
  }
}

extension HTTPField.Name {
  static let gitHubIdentifierHeader = gitHub("GITHUB-PUBLIC-KEY-IDENTIFIER")
  static let gitHubSignatureHeader = gitHub("GITHUB-PUBLIC-KEY-SIGNATURE")
  static let otherGitHubIdentifierHeader = gitHub("X-GitHub-Public-Key-Identifier")
  static let otherGitHubSignatureHeader = gitHub("X-GitHub-Public-Key-Signature")

  private static func gitHub(_ name: StaticString) -> HTTPField.Name {
    guard let field = HTTPField.Name(name.description) else {
      preconditionFailure("\(name) is not a header name")
    }
    return field
  }
}

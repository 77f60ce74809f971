import FoundationEssentials
import HTTPTypes
import KeymeterDomain

/// What GitHub says of who signed a message, as its partner program for secret scanning publishes it.
struct GitHubSignature: Sendable {
  /// Which of GitHub's keys signed.
  let identifier: String
  /// The signature, in DER.
  private let bytes: [UInt8]

  /// Reads the two headers, by either of their spellings; a spelling is taken as a pair.
  ///
  /// - Throws: `LeakReportRejection.signatureMissing` where one is missing, repeated, or no Base64.
  init(reading headers: HTTPFields) throws(LeakReportRejection) {
    let spellings: [(HTTPField.Name, HTTPField.Name)] = [
      (.gitHubKeyIdentifier, .gitHubKeySignature), (.xGitHubKeyIdentifier, .xGitHubKeySignature),
    ]
    for (identifierName, signatureName) in spellings {
      guard let identifier = headers.single(identifierName), let text = headers.single(signatureName),
        let data = Data(base64Encoded: text)
      else { continue }
      self.identifier = identifier
      bytes = Array(data)
      return
    }
    throw .signatureMissing
  }

  /// - Throws: `LeakReportRejection.signatureInvalid` unless the named key signed exactly this body.
  func verify(_ body: [UInt8], with keys: ReporterKeys) throws(LeakReportRejection) {
    guard keys.isSigned(body, by: identifier, signature: bytes) else { throw .signatureInvalid }
  }
}

import FoundationEssentials
import HTTPTypes
import KeymeterDomain

/// The signature of a report, by GitHub's partner program for secret scanning.
struct GitHubSignature: Sendable {
  /// The id of GitHub's signing key.
  let identifier: String
  /// The signature in DER.
  private let bytes: [UInt8]

  /// Reads the two headers, which exist in two spellings.
  ///
  /// Both headers must use the same one.
  ///
  /// - Throws: `LeakReportRejection.signatureMissing` if a header is missing, repeated, or not Base64.
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

/// Why a report of leaked keys was rejected.
enum LeakReportRejection: Error, Equatable {
  /// There is no usable pair of signature headers.
  case signatureMissing
  /// The named public key is not configured.
  case signerUnknown
  /// The named public key did not sign this body.
  case signatureInvalid
  /// The body is longer than the limit.
  case tooLarge
  /// The body names more keys than the limit.
  case tooMany

  /// Whether the report has no verified signature.
  ///
  /// `tooLarge` is found before the signature is checked.
  var isUnsigned: Bool { self != .tooMany }
}

extension LeakReportRejection: ProblemConvertible {
  var problem: Problem {
    switch self {
    case .signatureMissing:
      unauthenticated(
        "signature_missing",
        "Github-Public-Key-Identifier and Github-Public-Key-Signature are required, once each.")
    case .signerUnknown:
      unauthenticated("signature_key_unknown", "The named public key is not configured here.")
    case .signatureInvalid:
      unauthenticated("signature_invalid", "The named public key did not sign this body.")
    case .tooLarge:
      tooLarge("A report may have at most \(ReportGitHubLeaks.largestBody) bytes.", "body_too_large")
    case .tooMany:
      tooLarge("A report may name at most \(ReportGitHubLeaks.mostTokens) keys.", "too_many_tokens")
    }
  }

  private func unauthenticated(_ code: String, _ detail: String) -> Problem {
    Problem(
      status: .unauthorized, title: "Signature verification failed.", detail: detail, code: code,
      headers: [.wwwAuthenticate: "GitHub-Signature realm=\"keymeter\""])
  }

  private func tooLarge(_ detail: String, _ code: String) -> Problem {
    Problem(status: .contentTooLarge, title: "Request body is too large.", detail: detail, code: code)
  }
}

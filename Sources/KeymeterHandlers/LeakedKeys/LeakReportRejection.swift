import HTTPTypes
import KeymeterDomain

/// Why a report of leaked keys was not taken.
enum LeakReportRejection: Error, Equatable {
  /// There is no usable pair of signature headers.
  case signatureMissing
  /// The named public key is not one of those that were configured.
  case signerUnknown
  /// The named public key did not sign this body.
  case signatureInvalid
  /// The body has more bytes than are read.
  case tooLarge
  /// The body names more keys than are looked at.
  case tooMany

  /// Whether nobody known has signed the report, for all that was looked at.
  var isUnsigned: Bool { self != .tooMany }

  /// The refusal as it is answered.
  var problem: Problem {
    switch self {
    case .signatureMissing:
      unauthenticated(
        "signature_missing",
        "Github-Public-Key-Identifier and Github-Public-Key-Signature are required, once each.")
    case .signerUnknown:
      unauthenticated("signature_key_unknown", "The named public key is not one that is known here.")
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

import HTTPTypes
import KeymeterDomain

/// `ANY /api/v1/verify` and `ANY /api/v1/verify/*`: authenticates and charges in one step.
///
/// The request body is ignored.
package struct Verify: Sendable {
  let usage: UsageService

  static let path = "/api/v1/verify"

  /// Where a request has its terms.
  package enum TermsSource {
    /// In the query, which the gateway writes.
    case query
    /// In the headers, because the query is the client's.
    case headers

    /// `nil` for a path outside verify.
    init?(path: some StringProtocol) {
      guard path.utf8.starts(with: Verify.path.utf8) else { return nil }
      switch path.utf8.dropFirst(Verify.path.utf8.count).first {
      case nil: self = .query
      case UInt8(ascii: "/"): self = .headers
      default: return nil
      }
    }
  }

  /// Authenticates and charges.
  ///
  /// - Parameter complete: is called once, on any thread, and must not block.
  func admit(
    _ verification: Verification, then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void
  ) {
    let terms = verification.terms
    usage.verify(
      verification.credentials, charge: terms.charge, scopes: terms.scopes, environment: terms.environment,
      then: complete)
  }

  static func response(
    to admission: Admission, on terms: VerificationTerms, requestID: RequestID
  ) -> BufferedResponse {
    switch admission {
    case .admitted(let usage):
      .json(usage: usage) { object in
        object.member("valid", true)
        object.member("key_id", usage.keyID.rawValue)
        object.member("organisation_id", usage.organisationID.rawValue)
        object.member("environment", usage.environment.rawValue)
        object.member("scopes", usage.scopes.map(\.rawValue))
        object.limits(usage)
      }
    case .rejected(let rejection, let usage):
      Problem.rejected(rejection, usage, charge: terms.charge, overLimitStatus: terms.denyStatus)
        .response(requestID: requestID)
    }
  }
}

/// A verify request with its credentials and terms.
struct Verification: Sendable {
  let credentials: Credentials
  let terms: VerificationTerms

  /// - Throws: `Rejection`, `RequestRejection`.
  init(_ headers: HTTPFields, query: String?, _ source: Verify.TermsSource, from client: IPAddress?) throws {
    credentials = try CredentialFormat.either.credentials(in: headers, from: client)
    terms =
      switch source {
      case .query: try VerificationTerms(query: query)
      case .headers: try VerificationTerms(headers: headers)
      }
  }
}

import HTTPTypes
import KeymeterDomain
import Logging

/// `ANY /api/v1/verify` and `ANY /api/v1/verify/*`: authenticates and charges in one step.
///
/// The body is ignored.
package struct Verify: Sendable {
  let usage: UsageService

  static let path = "/api/v1/verify"

  /// Where the terms come from: the gateway's own query, or its headers where the query is the client's.
  package enum TermsSource {
    case query
    case headers

    /// `nil` for a path that is not of verification.
    init?(path: some StringProtocol) {
      guard path.utf8.starts(with: Verify.path.utf8) else { return nil }
      switch path.utf8.dropFirst(Verify.path.utf8.count).first {
      case nil: self = .query
      case UInt8(ascii: "/"): self = .headers
      default: return nil
      }
    }
  }

  /// A verification whose credentials and terms have been read.
  struct Question: Sendable {
    let credentials: Credentials
    let terms: VerificationTerms
  }

  /// Reads what a request asks.
  ///
  /// - Throws: `Rejection` and `RequestRejection`.
  func question(
    _ headers: HTTPFields, query: String?, source: TermsSource, from client: IPAddress?
  ) throws -> Question {
    let credentials = try Credentials(reading: headers, from: client)
    let terms =
      switch source {
      case .query: try VerificationTerms(query: query)
      case .headers: try VerificationTerms(headers: headers)
      }
    return Question(credentials: credentials, terms: terms)
  }

  /// Judges and charges.
  ///
  /// - Parameter complete: is called once, on any thread, and must not block.
  func judge(_ question: Question, then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void)
  {
    let terms = question.terms
    usage.verify(
      question.credentials, charge: terms.charge, scopes: terms.scopes, environment: terms.environment,
      then: complete)
  }

  /// What the answer to a question says.
  static func answer(
    _ admission: Admission, to terms: VerificationTerms, requestID: RequestID
  ) -> BufferedResponse {
    switch admission {
    case .admitted(let standing): admitted(standing)
    case .refused(let refusal, let standing):
      AdmissionProblems(charge: terms.charge, overLimitStatus: terms.denyStatus)
        .problem(for: refusal, standing).answer(requestID: requestID)
    }
  }

  /// What is answered where there is nothing to judge, or it could not be judged.
  static func answer(_ error: any Error, requestID: RequestID, logger: Logger) -> BufferedResponse {
    var logger = logger
    logger[metadataKey: "request_id"] = .string(requestID.rawValue)
    return RuntimeProblems.problem(for: error, logger: logger).answer(requestID: requestID)
  }

  private static func admitted(_ standing: KeyUsageSnapshot) -> BufferedResponse {
    var answer = BufferedResponse.json { object in
      object.member("valid", true)
      object.member("key_id", standing.keyID.rawValue)
      object.member("organisation_id", standing.organisationID.rawValue)
      object.member("environment", standing.environment.rawValue)
      object.member("scopes", standing.scopes.map(\.rawValue))
      object.limits(standing)
    }
    answer.head.headerFields.add(standing)
    return answer
  }
}

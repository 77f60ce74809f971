import HTTPTypes
import Hummingbird
import KeymeterDomain
import Logging

/// `ANY /api/v1/verify` and `ANY /api/v1/verify/*`: authenticates and charges in one step.
///
/// The body is ignored.
struct Verify: Sendable {
  let meter: MeteringService

  static let path = "/api/v1/verify"

  /// Where the terms come from: the gateway's own query, or its headers where the query is the client's.
  enum TermsSource {
    case query
    case headers

    /// `nil` for a path that is not of verification.
    init?(path: String) {
      guard path.utf8.starts(with: Verify.path.utf8) else { return nil }
      switch path.utf8.dropFirst(Verify.path.utf8.count).first {
      case nil: self = .query
      case UInt8(ascii: "/"): self = .headers
      default: return nil
      }
    }
  }

  nonisolated(nonsending) func respond(
    _ request: Request, source: TermsSource, requestID: RequestID, logger: Logger
  ) async -> Response {
    do {
      let credentials = try RuntimeCredentials(reading: request.headers)
      let terms =
        switch source {
        case .query: try VerificationTerms(query: request.uri.query)
        case .headers: try VerificationTerms(headers: request.headers)
        }
      let admission = try await meter.verify(
        credentials, charge: terms.charge, scopes: terms.scopes, environment: terms.environment)
      switch admission {
      case .admitted(let standing): return Self.admitted(standing)
      case .refused(let refusal, let standing):
        return AdmissionProblems(charge: terms.charge, overLimitStatus: terms.denyStatus)
          .problem(for: refusal, standing).response(requestID: requestID)
      }
    } catch {
      var logger = logger
      logger[metadataKey: "request_id"] = .string(requestID.rawValue)
      return RuntimeProblems.problem(for: error, logger: logger).response(requestID: requestID)
    }
  }

  private static func admitted(_ standing: KeyStanding) -> Response {
    var response = Response.json { object in
      object.member("valid", true)
      object.member("key_id", standing.keyID.rawValue)
      object.member("organisation_id", standing.organisationID.rawValue)
      object.member("environment", standing.environment.rawValue)
      object.member("scopes", standing.scopes.map(\.rawValue))
      object.limits(standing)
    }
    response.headers.add(standing)
    return response
  }
}

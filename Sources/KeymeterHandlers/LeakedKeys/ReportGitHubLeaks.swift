import HTTPTypes
import Hummingbird
import KeymeterDomain
import Logging
import NIOCore

/// `POST /api/v1/leaks/github`: revokes keys that GitHub's secret scanning found in public.
///
/// The format is that of GitHub's partner program. The signature is checked before the content is parsed.
struct ReportGitHubLeaks: Sendable {
  /// `nil` if no public key of GitHub is configured.
  ///
  /// The path then does not exist.
  let leaks: LeakService?
  /// Counts unsigned reports.
  let limiter: AuthFailureLimiter

  /// The largest report: 1 MiB.
  static let largestBody = 1_024 * 1_024
  /// The most matches in a report.
  static let mostTokens = 1_000

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    guard let leaks else { throw Problem.pathNotFound }
    do {
      let tokens = try await Self.tokens(of: request, signedFor: leaks.reporter)
      let areKeys = try await end(tokens, with: leaks, context)
      return Self.response(tokens, areKeys)
    } catch let rejection as LeakReportRejection {
      if rejection.isUnsigned { try countUnsigned(request, context) }
      context.logger.warning(
        "rejected a report of leaked keys", metadata: ["code": .string(rejection.problem.code)])
      throw rejection.problem
    }
  }

  /// Counts an unsigned report against its address.
  ///
  /// Signed reports are never limited, so that other clients of the address can't silence the reporter.
  ///
  /// - Throws: `TooManyAuthFailures` beyond the limit. Such a report is not logged.
  private func countUnsigned(_ request: Request, _ context: KeymeterRequestContext) throws {
    let origin = RequestOrigin(peerAddress: context.peerAddress, headers: request.headers)
    if let rejection = limiter.rejection(of: nil, .own, from: origin) { throw rejection }
    limiter.failed(.reportUnsigned, nil, .own, from: origin, logger: context.logger)
  }

  private static func tokens(
    of request: Request, signedFor keys: ReporterKeys
  ) async throws -> [ReportedToken] {
    let signature = try GitHubSignature(reading: request.headers)
    // Before the body is read: an unknown signer must not make the server read a long one.
    guard keys.contains(signature.identifier) else { throw LeakReportRejection.signerUnknown }
    let body: [UInt8]
    do {
      body = try await JSONBody.bytes(of: request, upTo: largestBody)
    } catch RequestRejection.contentTooLarge {
      throw LeakReportRejection.tooLarge
    }
    try signature.verify(body, with: keys)
    return try ReportedToken.read(body)
  }

  /// Ends each distinct key once.
  ///
  /// - Returns: the reported texts that are keys.
  /// - Throws: the first failure, after all other keys were processed.
  private func end(
    _ tokens: [ReportedToken], with leaks: LeakService, _ context: KeymeterRequestContext
  ) async throws -> Set<String> {
    var seen: Set<String> = []
    let found = tokens.filter { seen.insert($0.token).inserted }
      .compactMap { token in token.report.map { (token: token.token, report: $0) } }
    let results = await leaks.end(found.map(\.report), requestID: context.requestID)
    for (match, result) in zip(found, results) { Self.log(result, match.report, to: context.logger) }
    var areKeys: Set<String> = []
    for (match, result) in zip(found, results) where try result.get().isKey { areKeys.insert(match.token) }
    return areKeys
  }

  private static func log(
    _ result: Result<LeakOutcome, any Error>, _ report: LeakReport, to logger: Logger
  ) {
    switch result {
    case .success(.unknown), .success(.endedBefore): break
    case .success(.superseded(let id, let organisation)):
      logger.warning(
        "an earlier secret of a key was found in public: check whether its owner rotated the key",
        metadata: ["key_id": .string(id.rawValue), "organisation_id": .string(organisation.rawValue)])
    case .success(.revoked(let id, let organisation, let lastRoot)):
      let metadata: Logger.Metadata = [
        "key_id": .string(id.rawValue), "organisation_id": .string(organisation.rawValue),
      ]
      logger.warning("revoked a key that was found in public", metadata: metadata)
      guard lastRoot else { return }
      logger.error(
        "the organisation has no active root key left: create one with `keymeter key create-root`",
        metadata: metadata)
    case .failure:
      // An error, because the reporter may not send the report again.
      logger.error(
        "failed to end a key that was found in public",
        metadata: ["key_hint": .string(report.secret.hint)])
    }
  }

  /// One element per match, in order.
  ///
  /// It names the token by its SHA-256, so that the response contains no secret.
  private static func response(_ tokens: [ReportedToken], _ areKeys: Set<String>) -> Response {
    var writer = JSONWriter()
    writer.array { matches in
      for token in tokens {
        matches.object { match in
          match.member("token_hash", TokenHash(of: token.token).hexadecimal)
          match.member("token_type", token.type)
          match.member("label", areKeys.contains(token.token) ? "true_positive" : "false_positive")
        }
      }
    }
    return Response(
      status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: writer.bytes)))
  }
}

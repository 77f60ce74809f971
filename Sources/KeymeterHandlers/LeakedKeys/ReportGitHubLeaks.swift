import HTTPTypes
import Hummingbird
import KeymeterDomain
import Logging
import NIOCore

/// `POST /api/v1/leaks/github`: GitHub's secret scanning tells which keys it has found in public, and they end.
///
/// The form is that of GitHub's partner program. Nothing is looked at before the signature was.
struct ReportGitHubLeaks: Sendable {
  /// Absent where no key of GitHub's is configured: then there is nothing at this path.
  let leaks: LeakService?
  /// Counts reports that nobody known has signed.
  let watch: AuthFailureLimiter

  /// The longest report that is read: 1 MiB.
  static let largestBody = 1_024 * 1_024
  /// The most matches of one report.
  static let mostTokens = 1_000

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    guard let leaks else { throw Problem.pathNotFound }
    do {
      let tokens = try await Self.tokens(of: request, signedFor: leaks.reporter)
      let areKeys = try await end(tokens, with: leaks, context)
      return Self.answer(tokens, areKeys)
    } catch let refusal as LeakReportRejection {
      if refusal.isUnsigned { try note(request, context) }
      context.logger.warning(
        "a report of leaked keys was refused", metadata: ["code": .string(refusal.problem.code)])
      throw refusal.problem
    }
  }

  /// Counts a report without a signature against its address.
  ///
  /// Only then, so that a signed one is taken whoever else is at that address: nobody silences who reports.
  ///
  /// - Throws: `TooManyAuthFailures` beyond the limit; nothing is logged then.
  private func note(_ request: Request, _ context: KeymeterRequestContext) throws {
    let origin = RequestOrigin(peerAddress: context.peerAddress, headers: request.headers)
    if let refusal = watch.refusal(of: nil, .own, from: origin) { throw refusal }
    watch.failed(.reportUnsigned, nil, .own, from: origin, logger: context.logger)
  }

  private static func tokens(
    of request: Request, signedFor keys: ReporterKeys
  ) async throws -> [ReportedToken] {
    let signature = try GitHubSignature(reading: request.headers)
    // Before the body is read, since whoever doesn't know as much needn't send a long one.
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

  /// Ends each key once, however often it was found.
  ///
  /// - Returns: the reported texts that are keys.
  /// - Throws: the first failure, once everything else is done.
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
        "a value that a key had before it was rotated was found in public: see whether its owner rotated it",
        metadata: ["key_id": .string(id.rawValue), "organisation_id": .string(organisation.rawValue)])
    case .success(.revoked(let id, let organisation, let lastRoot)):
      let metadata: Logger.Metadata = [
        "key_id": .string(id.rawValue), "organisation_id": .string(organisation.rawValue),
      ]
      logger.warning("a key was found in public, and is revoked", metadata: metadata)
      guard lastRoot else { return }
      logger.error(
        "the organisation has no active root key left: `keymeter key create-root` makes one",
        metadata: metadata)
    case .failure:
      // Whoever reports may not come again.
      logger.error(
        "a key that was found in public could not be ended",
        metadata: ["key_hint": .string(report.secret.hint)])
    }
  }

  /// One line a match, in their order, which names the token by its SHA-256, so that no answer holds a key.
  private static func answer(_ tokens: [ReportedToken], _ areKeys: Set<String>) -> Response {
    var writer = JSONWriter()
    writer.array { lines in
      for token in tokens {
        lines.object { line in
          line.member("token_hash", TokenHash(of: token.token).hexadecimal)
          line.member("token_type", token.type)
          line.member("label", areKeys.contains(token.token) ? "true_positive" : "false_positive")
        }
      }
    }
    return Response(
      status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: writer.bytes)))
  }
}

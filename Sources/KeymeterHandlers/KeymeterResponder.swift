import HTTPTypes
public import Hummingbird
import KeymeterDomain
public import Logging

/// Answers verification by itself, whatever the method, and leaves the rest to the router.
public struct KeymeterResponder: HTTPResponder {
  /// What travels beside a request.
  public typealias Context = KeymeterRequestContext

  let verify: Verify
  let router: RouterResponder<KeymeterRequestContext>

  /// Answers one request.
  public func respond(to request: Request, context: KeymeterRequestContext) async throws -> Response {
    if let verification = await verification(request, logger: context.logger) { return verification }
    return try await router.respond(to: request, context: context)
  }

  /// Answers one request of verification; `nil` for any other.
  ///
  /// It needs neither a router nor a context, which are a good part of what a request costs.
  public nonisolated(nonsending) func verification(_ request: Request, logger: Logger) async -> Response? {
    guard let source = Verify.TermsSource(path: request.uri.path) else { return nil }
    let requestID = IdentifyRequest.requestID(of: request)
    var response = await verify.respond(request, source: source, requestID: requestID, logger: logger)
    response.headers[.requestID] = requestID.rawValue
    return request.method == .head ? response.createHeadResponse() : response
  }
}

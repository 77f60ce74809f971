package import HTTPTypes
public import Hummingbird
import HummingbirdCore
package import KeymeterDomain
package import Logging
import NIOCore

/// Answers verify requests itself, with any method, and passes all others to the router.
public struct KeymeterResponder: HTTPResponder {
  /// The context of a request.
  public typealias Context = KeymeterRequestContext

  let verify: Verify
  let limiter: AuthFailureLimiter
  /// Stores the hash of a key under the current pepper.
  let rehash: (@Sendable (KeySecret) -> Void)?
  let observation: VerificationObservation
  let router: RouterResponder<KeymeterRequestContext>

  /// Answers one request.
  public func respond(to request: Request, context: KeymeterRequestContext) async throws -> Response {
    guard let source = Self.verification(request.head) else {
      return try await router.respond(to: request, context: context)
    }
    let response: BufferedResponse = await withCheckedContinuation { continuation in
      answer(request.head, source, peer: context.peerAddress, logger: context.logger) {
        continuation.resume(returning: $0())
      }
    }
    return request.method == .head ? response.response.createHeadResponse() : response.response
  }

  /// Where a verify request has its terms, or `nil` for any other request.
  package static func verification(_ request: HTTPRequest) -> Verify.TermsSource? {
    guard let target = request.path else { return nil }
    let path: Substring =
      target.utf8.first == UInt8(ascii: "/")
      ? Substring(target.utf8.prefix { $0 != UInt8(ascii: "?") })
      : URI(target).path[...]  // Proxies may send the whole URL.
    guard let source = Verify.TermsSource(path: path), RequestTarget.hasKnownForm(request) else { return nil }
    return source
  }

  /// Answers a verify request without a task, a router and a context, which are a large part of a request's cost.
  ///
  /// - Parameter complete: is called once, on any thread, with a function that builds the response. The caller runs it
  ///   on the connection's event loop.
  package func answer(
    _ request: HTTPRequest, _ source: Verify.TermsSource, peer: IPAddress?, logger: Logger,
    then complete: @escaping @Sendable (@escaping @Sendable () -> BufferedResponse) -> Void
  ) {
    let headers = request.headerFields
    let requestID = RequestIDMiddleware.requestID(of: headers)
    let exchange = VerificationExchange(
      requestID: requestID, headers: headers, route: observation.route(source), logger: logger)
    let origin = RequestOrigin(peerAddress: peer, headers: headers)
    do {
      let verification = try Verification(
        headers, query: URI(request.path ?? "/").query, source, from: limiter.client(of: origin))
      let (credentials, terms) = (verification.credentials, verification.terms)
      if let rejection = limiter.rejection(of: credentials, .forwarded, from: origin) {
        return complete {
          exchange.ended(rejection.rejection(status: terms.denyStatus).response(requestID: requestID))
        }
      }
      verify.admit(verification) { result in
        let failure = Self.failure(result)
        observation.admissions.decided(.verify, result)
        // Before the response is built: the failure counts even if the client is gone.
        if let failure { limiter.failed(failure, credentials, .forwarded, from: origin, logger: logger) }
        complete {
          switch result {
          case .success(let admission):
            if failure == nil {
              limiter.succeeded(credentials)
              rehash?(credentials.secret)
            }
            return exchange.ended(Verify.response(to: admission, on: terms, requestID: requestID), admission)
          case .failure(let error): return exchange.failed(error)
          }
        }
      }
    } catch {
      if let failure = AuthFailure(error, isWellFormed: false) {
        limiter.failed(failure, nil, .forwarded, from: origin, logger: logger)
      }
      complete { exchange.failed(error) }
    }
  }

  private static func failure(_ result: Result<Admission, any Error>) -> AuthFailure? {
    guard case .success(.rejected(let rejection, _)) = result else { return nil }
    return AuthFailure(rejection)
  }
}

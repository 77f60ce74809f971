package import HTTPTypes
public import Hummingbird
import HummingbirdCore
package import KeymeterDomain
package import Logging
import NIOCore

/// Answers verification by itself, whatever the method, and leaves the rest to the router.
public struct KeymeterResponder: HTTPResponder {
  /// What travels beside a request.
  public typealias Context = KeymeterRequestContext

  let verify: Verify
  let watch: AuthFailureLimiter
  let rehash: (@Sendable (KeySecret) -> Void)?
  let observation: VerificationObservation
  let router: RouterResponder<KeymeterRequestContext>

  /// Answers one request.
  public func respond(to request: Request, context: KeymeterRequestContext) async throws -> Response {
    guard let source = Verify.TermsSource(path: request.uri.path), RequestTarget.hasKnownForm(request.head)
    else {
      return try await router.respond(to: request, context: context)
    }
    let answer: BufferedResponse = await withCheckedContinuation { continuation in
      self.answer(request.head, source, peer: context.peerAddress, logger: context.logger) {
        continuation.resume(returning: $0())
      }
    }
    return request.method == .head ? answer.response.createHeadResponse() : answer.response
  }

  /// Where the terms of a verification come from, by its path as it came; `nil` for any other request.
  ///
  /// A path in an unusual form is not recognised here, and answered all the same by `respond(to:context:)`.
  package static func verification(_ request: HTTPRequest) -> Verify.TermsSource? {
    guard let target = request.path else { return nil }
    return Verify.TermsSource(path: Substring(target.utf8.prefix { $0 != UInt8(ascii: "?") }))
  }

  /// Answers a verification without a task, a router or a context, which are a good part of what a request costs.
  ///
  /// - Parameter complete: is called once, on any thread; it is given a function that makes the answer, so that this
  ///   is done where the connection is.
  package func answer(
    _ request: HTTPRequest, _ source: Verify.TermsSource, peer: IPAddress?, logger: Logger,
    then complete: @escaping @Sendable (@escaping @Sendable () -> BufferedResponse) -> Void
  ) {
    let uri = URI(request.path ?? "/")
    let requestID = RequestIDMiddleware.requestID(of: request.headerFields)
    let exchange = VerificationExchange(
      requestID: requestID, headers: request.headerFields, route: observation.route(source), logger: logger)
    let origin = RequestOrigin(peerAddress: peer, headers: request.headerFields)
    do {
      let question = try verify.question(
        request.headerFields, query: uri.query, source: source, from: watch.client(of: origin))
      if let refusal = watch.refusal(of: question.credentials, .passedOn, from: origin) {
        return complete {
          exchange.ended(
            Problem.tooManyFailures(refusal, status: question.terms.denyStatus).answer(requestID: requestID))
        }
      }
      verify.judge(question) { result in
        let failure = Self.failure(result)
        observation.admissions.decided(.verify, result)
        // At once: a client that has gone meanwhile has failed all the same.
        if let failure {
          watch.failed(failure, question.credentials, .passedOn, from: origin, logger: logger)
        }
        complete {
          switch result {
          case .success(let admission):
            if failure == nil {
              watch.succeeded(question.credentials)
              rehash?(question.credentials.secret)
            }
            return exchange.ended(
              Verify.answer(admission, to: question.terms, requestID: requestID), admission)
          case .failure(let error):
            return exchange.ended(
              Verify.answer(error, requestID: requestID, logger: exchange.namedLogger))
          }
        }
      }
    } catch {
      if let failure = AuthFailure(error, isWellFormed: false) {
        watch.failed(failure, nil, .passedOn, from: origin, logger: logger)
      }
      complete {
        exchange.ended(Verify.answer(error, requestID: requestID, logger: exchange.namedLogger))
      }
    }
  }

  /// What an answer says against the credentials.
  private static func failure(_ result: Result<Admission, any Error>) -> AuthFailure? {
    guard case .success(.refused(let refusal, _)) = result else { return nil }
    return AuthFailure(refusal)
  }
}

import HTTPTypes
public import Hummingbird
import HummingbirdCore
import KeymeterDomain
import Logging

/// Answers verification by itself, whatever the method, and leaves the rest to the router.
public struct KeymeterResponder: HTTPResponder {
  /// What travels beside a request.
  public typealias Context = KeymeterRequestContext

  let verify: Verify
  let router: RouterResponder<KeymeterRequestContext>

  /// Answers one request.
  public func respond(to request: Request, context: KeymeterRequestContext) async throws -> Response {
    guard let source = Verify.TermsSource(path: request.uri.path) else {
      return try await router.respond(to: request, context: context)
    }
    let answer: WholeAnswer = await withCheckedContinuation { continuation in
      self.answer(request.head, source, logger: context.logger) { continuation.resume(returning: $0()) }
    }
    return request.method == .head ? answer.response.createHeadResponse() : answer.response
  }

  /// Where the terms of a verification come from, by its path as it came; `nil` for any other request.
  ///
  /// A path in an unusual form is not recognised here, and answered all the same by `respond(to:context:)`.
  static func verification(_ request: HTTPRequest) -> Verify.TermsSource? {
    guard let target = request.path else { return nil }
    return Verify.TermsSource(path: Substring(target.utf8.prefix { $0 != UInt8(ascii: "?") }))
  }

  /// Answers a verification without a task, a router or a context, which are a good part of what a request costs.
  ///
  /// - Parameter complete: is called once, on any thread; it is given a function that makes the answer, so that this
  ///   is done where the connection is.
  func answer(
    _ request: HTTPRequest, _ source: Verify.TermsSource, logger: Logger,
    then complete: @escaping @Sendable (@escaping @Sendable () -> WholeAnswer) -> Void
  ) {
    let uri = URI(request.path ?? "/")
    let requestID = IdentifyRequest.requestID(of: request.headerFields)
    do {
      let question = try verify.question(request.headerFields, query: uri.query, source: source)
      verify.judge(question) { result in
        complete {
          switch result {
          case .success(let admission):
            Verify.answer(admission, to: question.terms, requestID: requestID).named(requestID)
          case .failure(let error):
            Verify.answer(error, requestID: requestID, logger: logger).named(requestID)
          }
        }
      }
    } catch {
      complete { Verify.answer(error, requestID: requestID, logger: logger).named(requestID) }
    }
  }
}

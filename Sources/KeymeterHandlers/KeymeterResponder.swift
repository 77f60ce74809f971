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
    let requestID = IdentifyRequest.requestID(of: request.headers)
    let answer = await verification(request, source, requestID, context.logger)
    let response = answer.named(requestID).response
    return request.method == .head ? response.createHeadResponse() : response
  }

  private func verification(
    _ request: Request, _ source: Verify.TermsSource, _ requestID: RequestID, _ logger: Logger
  ) async -> WholeAnswer {
    do {
      let question = try verify.question(request.headers, query: request.uri.query, source: source)
      return Verify.answer(try await verify.judge(question), to: question.terms, requestID: requestID)
    } catch {
      return Verify.answer(error, requestID: requestID, logger: logger)
    }
  }

  /// Whether a request, by its path as it came, is one that `answer(_:logger:then:)` takes.
  ///
  /// A path in an unusual form is not recognised here, and answered all the same by `respond(to:context:)`.
  static func isVerification(_ request: HTTPRequest) -> Bool {
    guard let target = request.path else { return false }
    let path = target.utf8.prefix { $0 != UInt8(ascii: "?") }
    guard path.starts(with: Verify.path.utf8) else { return false }
    let rest = path.dropFirst(Verify.path.utf8.count)
    return rest.isEmpty || rest.first == UInt8(ascii: "/")
  }

  /// Answers a verification without a task, a router or a context, which are a good part of what a request costs.
  ///
  /// - Parameter complete: is called once, on any thread; it is given a function that makes the answer, so that this
  ///   is done where the connection is.
  func answer(
    _ request: HTTPRequest, logger: Logger,
    then complete: @escaping @Sendable (@escaping @Sendable () -> WholeAnswer) -> Void
  ) {
    let uri = URI(request.path ?? "/")
    let requestID = IdentifyRequest.requestID(of: request.headerFields)
    do {
      let source = Verify.TermsSource(path: uri.path) ?? .headers
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

import Hummingbird
import KeymeterDomain
import Logging

/// An error that is the same problem in every dialect.
protocol ProblemConvertible: Error {
  var problem: Problem { get }
}

/// What a dialect words or formats differently from the others.
struct Dialect: Sendable {
  /// The dialect's own problem for an error, or `nil` where all dialects agree.
  let problem: @Sendable (any Error) -> Problem?
  /// Writes a problem in the dialect's format.
  let response: @Sendable (Problem, RequestID) -> BufferedResponse
}

/// Maps every error of a handler to a problem.
struct ProblemMapper: Sendable {
  private let dialect: Dialect
  /// The problem for an error that no rule covers.
  private let unexpected: Problem

  init(_ dialect: Dialect, unexpected: Problem = .internalError) {
    self.dialect = dialect
    self.unexpected = unexpected
  }

  /// Wraps a handler so that an error becomes a response.
  func answering(_ handler: @escaping RouteHandler) -> RouteHandler {
    { request, context in
      do {
        return try await handler(request, context)
      } catch {
        return response(to: error, requestID: context.requestID, logger: context.logger).response
      }
    }
  }

  func response(to error: any Error, requestID: RequestID, logger: Logger) -> BufferedResponse {
    dialect.response(problem(for: error, logger: logger), requestID)
  }

  /// Logs the errors whose cause the client must not see.
  func problem(for error: any Error, logger: Logger) -> Problem {
    if let problem = dialect.problem(error) { return problem }
    switch error {
    case let error as any ProblemConvertible: return error.problem
    case StoreError.unavailable(let reason):
      logger.warning("the database is unavailable", metadata: ["reason": .string(reason)])
      return .unavailable
    default:
      logger.error("unexpected error", metadata: ["error": .string(String(reflecting: error))])
      return unexpected
    }
  }
}

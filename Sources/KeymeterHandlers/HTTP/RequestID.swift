import HTTPTypes
import Hummingbird
import KeymeterDomain
import Synchronization

/// The domain's request id.
///
/// Hummingbird has a type of the same name.
typealias RequestID = KeymeterDomain.RequestID

/// Gives each request an id and returns it in `X-Request-Id`.
///
/// A client's own id is kept if it is 1 to 128 characters of `A–Z a–z 0–9 . _ -` and holds no API key.
struct RequestIDMiddleware: RouterMiddleware {
  typealias Context = KeymeterRequestContext

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    var context = context
    context.requestID = Self.requestID(of: request.headers)
    RequestLog.name(&context.logger, context.requestID, request.headers)
    var response = try await next(request, context)
    response.headers[.requestID] = context.requestID.rawValue
    return response
  }

  static func requestID(of headers: HTTPFields) -> RequestID {
    if let sent = headers.single(.requestID), sent.utf8.count <= 128,
      sent.utf8.allSatisfy(RedactedName.isHarmless), !KeySecret.mayOccur(in: sent)
    {
      return RequestID(rawValue: sent)
    }
    return RequestIDSource.shared.next()
  }
}

/// Generates request ids: random characters of this process, and a counter.
///
/// They are unique across nodes and much cheaper than fresh random ids. They need not be hard to guess.
final class RequestIDSource: Sendable {
  static let shared = RequestIDSource()

  private static let countWidth = 10
  private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  private let stem: String
  private let count = Atomic<UInt64>(0)

  private init() {
    var random = RandomSource.system
    stem = String(RequestID(random: &random).rawValue.dropLast(Self.countWidth))
  }

  func next() -> RequestID {
    var rest = count.wrappingAdd(1, ordering: .relaxed).newValue
    let digits = String(unsafeUninitializedCapacity: Self.countWidth) { buffer in
      for index in (0..<Self.countWidth).reversed() {
        buffer[index] = Self.alphabet[Int(rest % 62)]
        rest /= 62
      }
      return Self.countWidth
    }
    return RequestID(rawValue: stem + digits)
  }
}

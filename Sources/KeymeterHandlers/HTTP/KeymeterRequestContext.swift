import HTTPTypes
public import Hummingbird
import KeymeterDomain
import Logging
import NIOCore
import Synchronization

/// The domain's request id; Hummingbird has a type of the same name.
typealias RequestID = KeymeterDomain.RequestID

/// What travels beside a request: its id, under which answer, log and audit entry can be found, and who sent it.
public struct KeymeterRequestContext: RequestContext {
  /// Hummingbird's own part.
  public var coreContext: CoreRequestContextStorage
  /// The request's id; set by `RequestIDMiddleware` before any handler runs.
  var requestID: RequestID
  /// The other end of the connection.
  var peer: SocketAddress?
  /// Who sent it, by the rules of trusted proxies; set by `AuthFailureLimiter` for calls that present a key.
  var client: IPAddress?

  /// The key that made the call, for the access log.
  let caller = RequestCaller()

  /// The other end's address; `nil` for a unix socket.
  var peerAddress: IPAddress? { peer.flatMap { IPAddress($0) } }

  /// The context of a request that has just arrived.
  public init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    requestID = RequestID(rawValue: "")
    // Now, since a connection that is closed no longer knows it.
    peer = source.channel.remoteAddress
  }

  /// A call to the domain with these credentials, which reports its caller to this context.
  func call(_ credentials: Credentials) -> APICall {
    APICall(credentials, requestID: requestID) { [caller] in caller.set($0) }
  }
}

/// Holds the key that made a request, once it is known.
final class RequestCaller: Sendable {
  private let stored = Mutex<CallerIdentity?>(nil)

  var identity: CallerIdentity? { stored.withLock { $0 } }

  func set(_ identity: CallerIdentity) { stored.withLock { $0 = identity } }
}

/// Names each request, and returns the name in `X-Request-Id`.
///
/// A name that the caller sends is kept when it is harmless: 1 to 128 of `A–Z a–z 0–9 . _ -`.
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

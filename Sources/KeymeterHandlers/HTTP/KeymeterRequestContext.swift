public import Hummingbird
import KeymeterDomain
import Logging
import NIOCore
import Synchronization

/// The state of a request: its id, which its response, log lines and audit entry share, its client and its caller.
public struct KeymeterRequestContext: RequestContext {
  /// Hummingbird's part.
  public var coreContext: CoreRequestContextStorage
  /// The request's id.
  ///
  /// `RequestIDMiddleware` sets it before any handler runs.
  var requestID: RequestID
  /// The peer of the connection.
  var peer: SocketAddress?
  /// The parsed credentials.
  ///
  /// `AuthFailureLimiter` sets them for routes that authenticate by key.
  var credentials: Result<Credentials, Rejection> = .failure(.credentialsMissing)
  /// The key that made the call, for the access log.
  let caller = RequestCaller()

  /// The peer's address, or `nil` for a unix socket.
  var peerAddress: IPAddress? { peer.flatMap { IPAddress($0) } }

  /// The context of a request that has just arrived.
  public init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    requestID = RequestID(rawValue: "")
    // Read now, because a closed connection no longer has it.
    peer = source.channel.remoteAddress
  }

  /// The request as a call to the domain, which reports its caller to this context.
  ///
  /// - Throws: `Rejection` if the credentials are missing or malformed.
  func call() throws(Rejection) -> APICall {
    APICall(try credentials.get(), requestID: requestID) { [caller] in caller.set($0) }
  }
}

/// Holds the key that made a request, once it is known.
final class RequestCaller: Sendable {
  private let stored = Mutex<CallerIdentity?>(nil)

  var identity: CallerIdentity? { stored.withLock { $0 } }

  func set(_ identity: CallerIdentity) { stored.withLock { $0 = identity } }
}

import HTTPTypes
import Hummingbird
public import KeymeterDomain
import Logging
import Synchronization

/// Whose keys the requests of a route present.
enum KeyPresentation: Sendable {
  /// The client's own.
  case own
  /// Possibly those of the client's clients: gateways and back ends forward keys that they received.
  case forwarded
}

/// The client is rate limited: too many authentications from its address have failed.
///
/// It is answered 429 with `Retry-After`, without looking up its key.
struct TooManyAuthFailures: Error, Equatable {
  /// Seconds until the address may try again.
  let seconds: Int64
}

extension TooManyAuthFailures: ProblemConvertible {
  var problem: Problem { rejection(status: .tooManyRequests) }

  /// - Parameter status: 429, or 403 for gateways that can't pass 429 on.
  func rejection(status: HTTPResponse.Status) -> Problem {
    Problem(
      status: status, title: "Too many failed authentications.",
      detail: "Too many requests from this address failed to authenticate, so this one was not evaluated. "
        + "Try again later.",
      code: "too_many_failures",
      headers: [.retryAfter: String(seconds), .reason: "too_many_failures"])
  }
}

/// Counts failed authentications per client address, and rejects requests from an address with too many of them
/// (docs/decisions/0019).
public struct AuthFailureLimiter: Sendable {
  private let proxies: TrustedProxies
  private let rateLimiter: FailureRateLimiter?
  private let metrics: AuthFailureMetrics
  private let knownGoodKeys: KnownGoodKeyCache?
  private let warning = OnceFlag()

  /// - Parameters:
  ///   - proxies: the proxies whose `X-Forwarded-For` is trusted.
  ///   - limiter: `nil` if failures are counted but never limited.
  public init(
    proxies: TrustedProxies = .undeclared, limiter: FailureRateLimiter? = nil,
    metrics: AuthFailureMetrics = AuthFailureMetrics()
  ) {
    self.proxies = proxies
    rateLimiter = limiter
    knownGoodKeys = limiter == nil ? nil : KnownGoodKeyCache()
    self.metrics = metrics
  }

  /// Sets the gauges to their current values.
  public func recordGauges() {
    if let rateLimiter { metrics.tracks(rateLimiter.trackedAddresses) }
  }

  /// Wraps a handler: parses the credentials into its context, limits the client's address, and counts failures.
  ///
  /// - Returns: a handler that throws `TooManyAuthFailures` over the limit.
  func limiting(
    _ presentation: KeyPresentation, _ format: CredentialFormat, _ handler: @escaping RouteHandler
  ) -> RouteHandler {
    { request, context in
      let origin = RequestOrigin(peerAddress: context.peerAddress, headers: request.headers)
      let parsed = Result { () throws(Rejection) in
        try format.credentials(in: request.headers, from: client(of: origin))
      }
      let credentials = try? parsed.get()
      if let rejection = rejection(of: credentials, presentation, from: origin) { throw rejection }
      var context = context
      context.credentials = parsed
      do {
        let response = try await handler(request, context)
        if let credentials { succeeded(credentials) }
        return response
      } catch {
        if let failure = AuthFailure(error, isWellFormed: credentials != nil) {
          failed(failure, credentials, presentation, from: origin, logger: context.logger)
        }
        throw error
      }
    }
  }

  /// The client's address by the rules of trusted proxies.
  func client(of origin: RequestOrigin) -> IPAddress? { origin.client(proxies) }

  /// The rejection of a request before its key is looked up, or `nil`.
  ///
  /// A key that has authenticated on this node is exempt, so that other clients of its address can't lock it out.
  func rejection(
    of credentials: Credentials?, _ presentation: KeyPresentation, from origin: RequestOrigin
  ) -> TooManyAuthFailures? {
    guard let rateLimiter, rateLimiter.mayBlock, let address = accountable(presentation, origin),
      let seconds = rateLimiter.secondsBlocked(address)
    else { return nil }
    if let credentials, let knownGoodKeys, knownGoodKeys.contains(credentials) { return nil }
    metrics.rejected()
    return TooManyAuthFailures(seconds: seconds)
  }

  /// Records a successful authentication.
  func succeeded(_ credentials: Credentials) {
    knownGoodKeys?.insert(credentials)
  }

  /// Records a failed authentication.
  func failed(
    _ failure: AuthFailure, _ credentials: Credentials?, _ presentation: KeyPresentation,
    from origin: RequestOrigin, logger: Logger
  ) {
    if let credentials { knownGoodKeys?.remove(credentials) }
    let address = rateLimiter != nil && failure.counts ? accountable(presentation, origin) : nil
    metrics.failed(failure, counted: address != nil)
    if let address {
      rateLimiter?.fail(address)
    } else if rateLimiter != nil, failure.counts, !proxies.isDeclared, origin.isForwarded, warning.isFirst {
      logger.warning(
        """
        authentications fail behind a proxy and are not limited by address: set KEYMETER_TRUSTED_PROXIES to the \
        addresses of the proxies, or to none
        """)
    }
  }

  /// The address that a failure counts against, or `nil`.
  ///
  /// A trusted proxy never counts. Without configured proxies any client that forwards keys, or claims to be a proxy, may
  /// be one. An attacker can claim it too and so escape the limit.
  private func accountable(_ presentation: KeyPresentation, _ origin: RequestOrigin) -> IPAddress? {
    guard proxies.isDeclared else {
      return presentation == .own && !origin.isForwarded ? origin.peerAddress : nil
    }
    guard let client = origin.client(proxies), !proxies.contains(client) else { return nil }
    return client
  }
}

/// Is true once.
private final class OnceFlag: Sendable {
  private let wasRead = Atomic<Bool>(false)

  var isFirst: Bool { !wasRead.exchange(true, ordering: .relaxed) }
}

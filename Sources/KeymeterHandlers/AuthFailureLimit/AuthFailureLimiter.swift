import HTTPTypes
import Hummingbird
public import KeymeterDomain
import Logging
import Synchronization

/// Whose keys a call presents.
enum KeyPresentation: Sendable {
  /// The caller's own.
  case own
  /// Those of the caller's clients, for all one knows: gateways and back ends pass on what they were sent.
  case passedOn
}

/// Too many authentications from a request's address have failed, so that nobody is asked whether this one holds.
struct TooManyAuthFailures: Error, Equatable {
  /// In how many seconds the address may try again.
  let seconds: Int64
}

/// Watches authentications fail, and refuses further ones from an address where too many have (docs/decisions/0019).
public struct AuthFailureLimiter: Sendable {
  private let proxies: TrustedProxies
  private let limiter: FailureRateLimiter?
  private let metrics: AuthFailureMetrics
  private let proven: KnownGoodKeyCache?
  private let warning = FirstTime()

  /// - Parameters:
  ///   - proxies: who speaks for whom.
  ///   - limiter: `nil` where failures are counted and never refused.
  public init(
    proxies: TrustedProxies = .undeclared, limiter: FailureRateLimiter? = nil,
    metrics: AuthFailureMetrics = AuthFailureMetrics()
  ) {
    self.proxies = proxies
    self.limiter = limiter
    proven = limiter == nil ? nil : KnownGoodKeyCache()
    self.metrics = metrics
  }

  /// Sets the gauges to what holds now.
  public func recordGauges() {
    if let limiter { metrics.tracks(limiter.trackedAddresses) }
  }

  /// Watches over a handler.
  ///
  /// - Returns: a handler that tells the given one who the client is, and throws `TooManyAuthFailures` instead of asking
  /// it.
  func over(_ presentation: KeyPresentation, _ handler: @escaping RouteHandler) -> RouteHandler {
    { request, context in
      let origin = RequestOrigin(peerAddress: context.peerAddress, headers: request.headers)
      var context = context
      context.client = client(of: origin)
      let credentials = try? Credentials(reading: request.headers, from: context.client)
      if let refusal = refusal(of: credentials, presentation, from: origin) { throw refusal }
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

  /// Who sends a request, by the rules of trusted proxies.
  func client(of origin: RequestOrigin) -> IPAddress? { origin.client(proxies) }

  /// Whether a request is refused before anybody is asked for its key; `nil` where it isn't.
  ///
  /// A key that has authenticated here goes on being asked for, whoever else is at its address.
  func refusal(
    of credentials: Credentials?, _ presentation: KeyPresentation, from origin: RequestOrigin
  ) -> TooManyAuthFailures? {
    guard let limiter, limiter.mayBlock, let address = accountable(presentation, origin),
      let seconds = limiter.secondsBlocked(address)
    else { return nil }
    if let credentials, let proven, proven.contains(credentials) { return nil }
    metrics.refused()
    return TooManyAuthFailures(seconds: seconds)
  }

  /// Notes that a key has authenticated.
  func succeeded(_ credentials: Credentials) {
    proven?.insert(credentials)
  }

  /// Notes that one has not.
  func failed(
    _ failure: AuthFailure, _ credentials: Credentials?, _ presentation: KeyPresentation,
    from origin: RequestOrigin, logger: Logger
  ) {
    if let credentials { proven?.remove(credentials) }
    let address = limiter != nil && failure.counts ? accountable(presentation, origin) : nil
    metrics.failed(failure, counted: address != nil)
    if let address {
      limiter?.fail(address)
    } else if limiter != nil, failure.counts, !proxies.isDeclared, origin.isForwarded, warning.isNow {
      logger.warning(
        """
        authentications fail behind a proxy, and are not limited by address: set KEYMETER_TRUSTED_PROXIES to the \
        proxies' addresses, or to none
        """)
    }
  }

  /// Whose failure it is; `nil` where it is nobody's in particular.
  ///
  /// What speaks for others is never held to account for them. Where nobody has said what does, anything may that
  /// passes keys on, or of which it is said; the latter may be said by an attacker, who so escapes the limit.
  private func accountable(_ presentation: KeyPresentation, _ origin: RequestOrigin) -> IPAddress? {
    guard proxies.isDeclared else {
      return presentation == .own && !origin.isForwarded ? origin.peerAddress : nil
    }
    guard let client = origin.client(proxies), !proxies.contains(client) else { return nil }
    return client
  }
}

/// Says once that it is now.
private final class FirstTime: Sendable {
  private let isOver = Atomic<Bool>(false)

  var isNow: Bool { !isOver.exchange(true, ordering: .relaxed) }
}

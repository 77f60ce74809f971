import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// One request of a client that keeps accounts: when it began and ended, and its outcome.
struct Attempt: Sendable {
  /// The outcome of a request.
  enum Outcome: Sendable {
    case answered(Reply)
    /// The connection ended, or time ran out, before a response began. Whether the request took effect is unknown.
    case unanswered
    /// The connection ended in the middle of a response.
    case torn
  }

  let begun: ContinuousClock.Instant
  let ended: ContinuousClock.Instant
  let outcome: Outcome

  var reply: Reply? {
    if case .answered(let reply) = outcome { reply } else { nil }
  }

  /// The response's status, or `nil` without a response.
  var status: Int? { reply?.status }

  /// Whether it may have been charged without the client knowing: no response, or 503.
  var isOpen: Bool { status == nil || status == 503 }

  var isTorn: Bool {
    if case .torn = outcome { true } else { false }
  }
}

/// Sends one request and records its outcome.
func attempt(
  _ method: HTTPMethod, _ url: String, headers: [(String, String)], body: String? = nil,
  via client: HTTPClient
) async -> Attempt {
  var request = HTTPClientRequest(url: url)
  request.method = method
  request.headers = HTTPHeaders(headers)
  if let body { request.body = .bytes(ByteBuffer(string: body)) }
  let begun = ContinuousClock.now
  let outcome: Attempt.Outcome
  do {
    let response = try await client.execute(request, timeout: requestTimeout)
    do {
      let bytes = try await response.body.collect(upTo: 1024 * 1024)
      outcome = .answered(
        Reply(status: Int(response.status.code), headers: response.headers, body: String(buffer: bytes)))
    } catch {
      outcome = .torn
    }
  } catch {
    outcome = .unanswered
  }
  return Attempt(begun: begun, ended: .now, outcome: outcome)
}

/// Runs `body` with a new client.
///
/// The shared one opens at most eight connections to a host.
func withClient<Output>(
  connections: Int, isolation: isolated (any Actor)? = #isolation,
  _ body: (HTTPClient) async throws -> Output
) async throws -> Output {
  var configuration = HTTPClient.Configuration()
  configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connections
  // A refused connection fails at once instead of being retried until the request times out.
  configuration.connectionPool.retryConnectionEstablishment = false
  let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  do {
    let output = try await body(client)
    try await client.shutdown()
    return output
  } catch {
    try? await client.shutdown()
    throw error
  }
}

/// Runs `count` bodies concurrently and returns their results in no particular order.
func concurrently<Output: Sendable>(
  _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Output
) async throws -> [Output] {
  try await withThrowingTaskGroup(of: Output.self) { group in
    for number in 0..<count { group.addTask { try await body(number) } }
    return try await group.reduce(into: []) { $0.append($1) }
  }
}

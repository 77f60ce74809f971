import KeymeterDomain
import KeymeterHandlers
import KeymeterTesting
import Logging
import NIOCore
import NIOHTTPTypesHTTP1
import Synchronization
import Testing

@testable import KeymeterServer

@Suite("Verifications behind the guard", .timeLimit(.minutes(10)))
struct GuardedVerificationTests {
  private static let head = "POST /api/v1/verify HTTP/1.1\r\nHost: x\r\n"

  /// A verification whose key only admission can reject.
  private static var verification: String {
    var random = RandomSource.system
    let key = KeySecret(environment: .production, random: &random).revealed
    return head + "X-API-Key: \(key)\r\n"
  }

  @Test("Each pipelined verification counts as owed until it is answered")
  func pipelined() throws {
    let (connection, admission) = try Self.connection()
    connection.arrive(Self.verification + "\r\n" + Self.verification + "\r\n" + "GET / H")
    connection.arrive("TTP")
    connection.pass(.minutes(1))
    #expect(connection.sent.isEmpty, "the client is waiting for responses and isn't late")
    admission.rejectAll()
    connection.settle()
    #expect(connection.answers == 1)
    connection.pass(.minutes(1))
    #expect(connection.answers == 1)
    admission.rejectAll()
    connection.settle()
    #expect(connection.answers == 2 && !connection.hasEndedOutput)
    connection.pass(GuardedChannel.patience)
    #expect(connection.answers == 3 && connection.sent.contains("request_timeout"))
  }

  @Test("A client that does not read has no more verifications judged until it does")
  func untaken() throws {
    let (connection, admission) = try Self.connection()
    connection.stopTaking()
    connection.arrive(Self.verification + "\r\n" + Self.verification + "\r\n")
    for _ in 0..<3 {
      admission.rejectAll()
      connection.settle()
    }
    #expect(connection.answers == 0)
    connection.catchUp()
    admission.rejectAll()
    connection.settle()
    #expect(connection.answers == 1)
    connection.stopTaking()
    admission.rejectAll()
    connection.settle()
    #expect(connection.answers == 2, "a verification that has begun is answered")
    connection.arrive(Self.verification + "\r\n")
    connection.endInput()
    connection.catchUp()
    admission.rejectAll()
    connection.settle()
    #expect(connection.answers == 3 && !connection.isClosed)
  }

  @Test(
    "A verification's response does not wait for its body, and a body that never arrives closes the connection"
  )
  func slowBody() throws {
    let (connection, admission) = try Self.connection()
    connection.arrive(Self.verification + "Content-Length: 10\r\n\r\n")
    admission.rejectAll()
    connection.settle()
    #expect(connection.sent.hasPrefix("HTTP/1.1 401 "))
    connection.arrive("x")
    connection.pass(GuardedChannel.patience)
    #expect(connection.isClosed && connection.answers == 1)
  }

  @Test("A half-closed client still gets its response")
  func halfClosed() throws {
    let (connection, admission) = try Self.connection()
    connection.arrive(Self.verification + "\r\n")
    connection.endInput()
    connection.pass(.minutes(1))
    #expect(connection.sent.isEmpty && !connection.isClosed)
    admission.rejectAll()
    connection.settle()
    #expect(connection.sent.hasPrefix("HTTP/1.1 401 ") && connection.answers == 1)
  }

  @Test("A malformed chunk neither changes nor loses the response")
  func badChunk() throws {
    for isAnsweredFirst in [true, false] {
      let (connection, admission) = try Self.connection()
      connection.arrive(Self.verification + "Transfer-Encoding: chunked\r\n\r\n")
      if isAnsweredFirst {
        admission.rejectAll()
        connection.settle()
      }
      connection.arrive("zz\r\n")
      admission.rejectAll()
      connection.settle()
      #expect(connection.sent.hasPrefix("HTTP/1.1 401 ") && connection.answers == 1)
      #expect(connection.hasEndedOutput && !connection.isClosed)
      connection.pass(ConnectionGuard.lingering)
      #expect(connection.isClosed)
    }
  }

  private static func connection() throws -> (GuardedChannel, PendingAdmission) {
    let admission = PendingAdmission()
    let store = InMemoryStore { Timestamp(microseconds: 1_800_000_000_000_000) }
    let peppers = try PepperSet.test
    let responder = KeymeterRouter(
      keys: KeyService(store: store, peppers: peppers),
      usage: UsageService(admission: admission, store: store, peppers: peppers),
      readiness: { .ready }
    ).responder()
    let verification = VerificationChannelHandler(
      responder: responder, date: DateField(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    return (try GuardedChannel([HTTP1ToHTTPServerCodec(secure: false), verification]), admission)
  }
}

/// Rejects keys as unknown once the test says so.
private final class PendingAdmission: AdmissionControl {
  private struct NotUsed: Error {}

  private let pending = Mutex<[@Sendable (Result<Admission, any Error>) -> Void]>([])

  func admit(_ request: AdmissionRequest) async throws -> Admission { throw NotUsed() }

  func admit(
    _ request: AdmissionRequest, then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void
  ) {
    pending.withLock { $0.append(complete) }
  }

  func rejectAll() {
    let all = pending.withLock { pending in
      defer { pending = [] }
      return pending
    }
    for complete in all { complete(.success(.rejected(.unknownKey, nil))) }
  }
}

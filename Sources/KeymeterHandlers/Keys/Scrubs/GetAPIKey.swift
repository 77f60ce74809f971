import HTTPTypes
import Hummingbird
import KeymeterDomain
import Logging
import NIOCore
import Synchronization

/// `GET /api/v1/api-key`: the caller's own key, or with `list_all=true` all keys of its organisation.
struct GetAPIKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let call = try context.call()
    if case .success(true) = Result(catching: { try Self.listsAll(request) }) {
      return try await AllKeys(keys: keys, call: call).respond(context)
    }
    let key = try await keys.ownKey(call, checking: { _ = try Self.listsAll(request) })
    return .json { $0.scrubsMetadata(key) }
  }

  private static func listsAll(_ request: Request) throws(RequestRejection) -> Bool {
    switch try QueryParameters(of: request).single("list_all") {
    case nil, "false": return false
    case "true": return true
    default: throw .invalidQuery([FieldViolation(field: "list_all", message: "must be true or false")])
    }
  }
}

/// The response to `list_all=true`: one object of all keys by id, with at most a page in memory.
///
/// A single page is sent as a whole. Otherwise each page is read after the client has taken the previous ones, so that
/// neither a long list nor a slow client holds a database connection. If a page can't be read, the response breaks off. A
/// complete response lists every key that existed all the time.
struct AllKeys: Sendable {
  let keys: KeyService
  let call: APICall

  func respond(_ context: KeymeterRequestContext) async throws -> Response {
    let first = try await page(after: nil, context)
    guard let next = first.next else { return .json { Self.write(first.keys, to: &$0) } }
    let part = FirstPart(Part(members: Self.members(of: first.keys, behind: "{"), next: next))
    return Response(
      status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
      body: ResponseBody { try await write(from: part, context, &$0) })
  }

  /// A page as JSON, which takes much less memory than the keys while it waits for the client.
  private struct Part: Sendable {
    /// The members without the last byte, a brace.
    ///
    /// Empty if there are no keys.
    let members: ByteBuffer
    let next: KeyPosition?
  }

  /// Frees the first part when it is written.
  ///
  /// The response's body closure lives until the last part is written.
  private final class FirstPart: Sendable {
    private let part: Mutex<Part?>

    init(_ part: Part) { self.part = Mutex(part) }

    func take() -> Part? { part.withLock { $0.take() } }
  }

  private func write(
    from first: FirstPart, _ context: KeymeterRequestContext, _ writer: inout any ResponseBodyWriter
  ) async throws {
    var position: KeyPosition?
    if let part = first.take() { position = try await Self.write(part, &writer) }
    while let after = position {
      position = try await Self.write(try await nextPart(after: after, context), &writer)
    }
    try await writer.write(ByteBuffer(string: "}"))
    try await writer.finish(nil)
  }

  /// Writes one part, and waits until the client has taken nearly all of it.
  ///
  /// The last byte is written separately. That write waits for the client, so the next page is not read before.
  private static func write(_ part: Part, _ writer: inout any ResponseBodyWriter) async throws -> KeyPosition?
  {
    if part.members.readableBytes > 0 {
      try await writer.write(part.members)
      try await writer.write(ByteBuffer(string: "}"))
    }
    return part.next
  }

  private func page(after position: KeyPosition?, _ context: KeymeterRequestContext) async throws -> KeyPage {
    try await keys.allKeys(call, after: position)
  }

  /// Reads a page.
  ///
  /// A failure can no longer become a response, so it is only logged.
  private func nextPart(after position: KeyPosition, _ context: KeymeterRequestContext) async throws -> Part {
    do {
      let page = try await page(after: position, context)
      let members = page.keys.isEmpty ? ByteBuffer() : Self.members(of: page.keys, behind: ",")
      return Part(members: members, next: page.next)
    } catch {
      let problem = ProblemMapper(.scrubs).problem(for: error, logger: context.logger)
      context.logger.warning("broke off a list of keys", metadata: ["code": .string(problem.code)])
      throw error
    }
  }

  private static func write(_ keys: [APIKey], to object: inout JSONObjectWriter) {
    for key in keys { object.object(named: key.id.rawValue) { $0.scrubsMetadata(key) } }
  }

  /// The members after an opening brace or a comma, without the last byte.
  private static func members(of keys: [APIKey], behind mark: StaticString) -> ByteBuffer {
    var writer = JSONWriter()
    writer.object { write(keys, to: &$0) }
    var buffer = ByteBuffer(staticString: mark)
    buffer.writeBytes(writer.bytes.dropFirst().dropLast(2))
    return buffer
  }
}

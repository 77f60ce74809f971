import HTTPTypes
import Hummingbird
import KeymeterDomain
import Logging
import NIOCore
import Synchronization

/// The answer to `list_all=true`: one object of all keys by their ids, of which only a page is in memory at a time.
///
/// What fits into one page is answered whole. Of more, each page is read when the client has taken those before, so that
/// neither a long listing nor a slow client holds a connection of the database. What can't be read to the end is broken
/// off: an answer that is complete lists every key that was there all the while.
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

  /// A page as it is written: the keys themselves, which take several times as much memory, don't wait for the client.
  private struct Part: Sendable {
    /// Without their last byte, a brace; empty where there are no keys.
    let members: ByteBuffer
    let next: KeyPosition?
  }

  /// Lets go of the first part when it is written; an answer's body, and what it holds, is there until the last is.
  private final class FirstPart: Sendable {
    private let part: Mutex<Part?>

    init(_ part: Part) { self.part = Mutex(part) }

    func take() -> Part? { part.withLock { $0.take() } }
  }

  private func write(
    from first: FirstPart, _ context: KeymeterRequestContext, _ writer: inout any ResponseBodyWriter
  ) async throws {
    var place: KeyPosition?
    if let part = first.take() { place = try await Self.write(part, &writer) }
    while let after = place {
      place = try await Self.write(try await nextPart(after: after, context), &writer)
    }
    try await writer.write(ByteBuffer(string: "}"))
    try await writer.finish(nil)
  }

  /// Writes one part, and waits until its client has taken nearly all of it.
  ///
  /// Its last byte, which goes alone, isn't written before. So no further page is read for somebody who hasn't taken this
  /// one.
  private static func write(_ part: Part, _ writer: inout any ResponseBodyWriter) async throws -> KeyPosition?
  {
    if part.members.readableBytes > 0 {
      try await writer.write(part.members)
      try await writer.write(ByteBuffer(string: "}"))
    }
    return part.next
  }

  private func page(after place: KeyPosition?, _ context: KeymeterRequestContext) async throws -> KeyPage {
    try await keys.allKeys(call, after: place)
  }

  /// A page whose failure can't be answered any more, and so is logged as if it were.
  private func nextPart(after place: KeyPosition, _ context: KeymeterRequestContext) async throws -> Part {
    do {
      let page = try await page(after: place, context)
      let members = page.keys.isEmpty ? ByteBuffer() : Self.members(of: page.keys, behind: ",")
      return Part(members: members, next: page.next)
    } catch {
      let problem = ScrubsProblems.standard.problem(for: error, logger: context.logger)
      context.logger.warning("a listing was broken off", metadata: ["code": .string(problem.code)])
      throw error
    }
  }

  private static func write(_ keys: [APIKey], to object: inout JSONObjectWriter) {
    for key in keys { object.object(named: key.id.rawValue) { $0.scrubsMetadata(key) } }
  }

  /// The members of a part of an object, behind what begins or goes on with it, and up to their last byte.
  private static func members(of keys: [APIKey], behind mark: StaticString) -> ByteBuffer {
    var writer = JSONWriter()
    writer.object { write(keys, to: &$0) }
    var buffer = ByteBuffer(staticString: mark)
    buffer.writeBytes(writer.bytes.dropFirst().dropLast(2))
    return buffer
  }
}

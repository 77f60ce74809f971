import HTTPTypes
import Testing

@testable import KeymeterHandlers

@Suite("traceparent")
struct TraceParentTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00f067aa0ba902b7"

  @Test(
    "A valid traceparent is parsed",
    arguments: [
      "00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-00", "00-\(trace)-\(parent)-ff",
      // Later versions may have more parts.
      "01-\(trace)-\(parent)-01", "cc-\(trace)-\(parent)-01-what-the-future-holds",
      "fe-\(trace)-\(parent)-01-",
    ])
  func read(value: String) throws {
    let parent = try #require(TraceParent(value))
    #expect(parent.traceID == Self.trace)
    #expect(parent.parentID == Self.parent)
  }

  @Test(
    "Any other value is rejected",
    arguments: [
      "", "00", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-", "00-\(trace)-\(parent)-1",
      "00-\(trace)-\(parent)-01-", "00-\(trace)-\(parent)-01-more", "00-\(trace)-\(parent)-012",
      "ff-\(trace)-\(parent)-01", "FE-\(trace)-\(parent)-01", "0x-\(trace)-\(parent)-01",
      "00-00000000000000000000000000000000-\(parent)-01", "00-\(trace)-0000000000000000-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-\(parent)-01", "00-\(trace)-00F067AA0BA902B7-01",
      "00-\(trace)-\(parent)-0G", "00-\(trace)-\(parent)-0A", "00_\(trace)-\(parent)-01",
      "00-\(trace)_\(parent)-01",
      "00-\(trace)-\(parent)_01", " 00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-01 ",
      "01-\(trace)-\(parent)-01x", "00-\(trace)\u{0}\(parent)-01", "00-\(trace.dropLast())é-\(parent)-01",
      "00-\(trace.dropLast())-\(parent)-01-", "00-\(trace)-\(parent)-01,00-\(trace)-\(parent)-01",
    ])
  func rejected(value: String) { #expect(TraceParent(value) == nil) }

  @Test("Repeated headers are rejected")
  func repeated() throws {
    let name = try #require(HTTPField.Name("traceparent"))
    let value = "00-\(Self.trace)-\(Self.parent)-01"
    var headers: HTTPFields = [name: value]
    #expect(TraceParent(headers) != nil)
    headers.append(HTTPField(name: name, value: value))
    #expect(TraceParent(headers) == nil)
    #expect(TraceParent(HTTPFields()) == nil)
  }
}

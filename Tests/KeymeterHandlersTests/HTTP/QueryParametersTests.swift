import Testing

@testable import KeymeterHandlers

@Suite("Query parameters")
struct QueryParametersTests {
  @Test(
    "A value is decoded as form data",
    arguments: [
      ("a=b", "b"), ("a=", ""), ("a", ""), ("a==", "="), ("a=b=c", "b=c"), ("a=%41", "A"), ("a=x+y", "x y"),
      ("a=x%2By", "x+y"), ("a=x%20y", "x y"), ("a=%c3%A9", "é"), ("a=%F0%9F%8F%A5", "🏥"), ("a=%26%3D", "&="),
      ("a=%00", "\u{0}"), ("&&a=1&", "1"), ("%61=1", "1"), ("b=1&a=2&c=3", "2"), ("a=%2541", "%41"),
      ("a=?", "?"),
      ("A=1&a=2", "2"), ("a=1;b=2", "1;b=2"),
    ])
  func decoding(query: String, value: String) throws {
    #expect(try QueryParameters(query).single("a") == value)
  }

  @Test("A missing parameter is nil", arguments: ["", "&", "b=a", "A=1", "=a", "aa=1", "a%20=1"])
  func absent(query: String) throws {
    #expect(try QueryParameters(query).single("a") == nil)
  }

  @Test(
    "An invalid percent-encoding anywhere rejects the whole query",
    arguments: ["%", "a=1&b=%", "b=%f", "%zz=1&a=1", "b=%FF&a=1"])
  func broken(query: String) {
    #expect(
      throws: RequestRejection.invalidQuery([
        FieldViolation(field: "", message: "has an invalid percent-encoding")
      ])
    ) { try QueryParameters(query) }
  }

  @Test(
    "A repeated single-value parameter is rejected by name, and others may repeat",
    arguments: ["a=1&a=1", "a&a", "a=1&%61=2"])
  func repeated(query: String) throws {
    let parameters = try QueryParameters(query + "&b=1")
    #expect(
      throws: RequestRejection.invalidQuery([FieldViolation(field: "a", message: "must not be repeated")])
    ) { try parameters.single("a") }
    #expect(try parameters.single("b") == "1")
  }
}

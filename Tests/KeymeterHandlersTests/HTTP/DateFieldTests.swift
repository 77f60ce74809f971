import Testing

@testable import KeymeterHandlers

@Suite("The Date field")
struct DateFieldTests {
  @Test(
    "A time is formatted by RFC 9110",
    arguments: [
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
      (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"), (1_798_761_600, "Fri, 01 Jan 2027 00:00:00 GMT"),
    ] as [(Int64, String)])
  func text(_ second: Int64, _ expected: String) {
    #expect(DateField.text(second: second) == expected)
  }
}

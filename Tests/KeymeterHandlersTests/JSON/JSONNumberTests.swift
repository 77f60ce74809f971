import Testing

@testable import KeymeterHandlers

@Suite("JSON numbers as exact integers")
struct JSONNumberTests {
  @Test(
    "An integer is read exactly, however it is spelt",
    arguments: [
      ("0", 0), ("-0", 0), ("0.0", 0), ("-0.000", 0), ("0e5", 0), ("0e999999999999999999999", 0),
      ("0.0e-999999999999999999999", 0), ("1", 1), ("-1", -1), ("10", 10), ("1.0", 1), ("100.0", 100),
      ("100.00e0", 100), ("1e3", 1000), ("1E+3", 1000), ("1e0", 1), ("1e-0", 1), ("1e0003", 1000),
      ("1.5e1", 15), ("-1.5e1", -15), ("0.001e3", 1), ("1000e-3", 1), ("120e-1", 12), ("1010.10e1", 10101),
      ("10.0e-1", 1), ("9007199254740991", 9_007_199_254_740_991),
      ("9007199254740992", 9_007_199_254_740_992), ("9007199254740993", 9_007_199_254_740_993),
      ("9.007199254740993e15", 9_007_199_254_740_993), ("9223372036854775807", Int64.max),
      ("-9223372036854775808", Int64.min), ("9223372036854775807.000", Int64.max),
      ("92233720368547758070e-1", Int64.max), ("9.223372036854775807e18", Int64.max),
      ("1e18", 1_000_000_000_000_000_000),
    ])
  func whole(text: String, value: Int64) throws {
    #expect(try #require(JSONNumber(text)).wholeNumber == value)
  }

  @Test(
    "A fraction or a number beyond 64 bits is not an integer",
    arguments: [
      "0.5", "-0.5", "1.5", "1e-1", "15e-1", "1.05e1", "100.001", "1e-400", "1e-999999999",
      "9007199254740991.5", "0.0000000000000000000000000000000000000000000001",
      "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
      "18446744073709551617", "99999999999999999999", "100000000000000000000", "1e19", "1e400", "-1e400",
      "1e999999999", "1e99999999999999999999999999999999", "1e-99999999999999999999999999999999",
      "9223372036854775807.1", "18446744073709551617e-1", "123456789012345678901234567890e-5",
    ])
  func notWhole(text: String) throws {
    #expect(try #require(JSONNumber(text)).wholeNumber == nil)
  }

  @Test("An exponent may cancel out any number of zeros")
  func longTexts() throws {
    let zeros = String(repeating: "0", count: 60_000)
    #expect(try #require(JSONNumber("7\(zeros)e-60000")).wholeNumber == 7)
    #expect(try #require(JSONNumber("7\(zeros)e-60001")).wholeNumber == nil)
    #expect(try #require(JSONNumber("7\(zeros)")).wholeNumber == nil)
    #expect(try #require(JSONNumber("7.\(zeros)")).wholeNumber == 7)
    #expect(try #require(JSONNumber("0.\(zeros)7e60001")).wholeNumber == 7)
    #expect(try #require(JSONNumber("0.\(zeros)7e60000")).wholeNumber == nil)
    #expect(try #require(JSONNumber("1e\(zeros)2")).wholeNumber == 100)
    #expect(try #require(JSONNumber(String(repeating: "9", count: 60_000))).wholeNumber == nil)
  }

  @Test("An integer is read exactly for every position of the decimal point")
  func movedPoint() throws {
    var random = JSONTestGenerator(seed: 11)
    for _ in 0..<2000 {
      let value = Int64(truncatingIfNeeded: random.next()) >> Int64.random(in: 0..<64, using: &random)
      let places = Int.random(in: 0...30, using: &random)
      let zeros = String(repeating: "0", count: places)
      let digits = zeros + String(value.magnitude)
      let sign = value < 0 ? "-" : ""
      let integer = digits.dropLast(places).drop { $0 == "0" }
      let shifted = "\(sign)\(integer.isEmpty ? "0" : integer).\(digits.suffix(places))0e\(places)"
      #expect(try #require(JSONNumber(shifted)).wholeNumber == value)
      #expect(try #require(JSONNumber("\(value)\(value == 0 ? "" : zeros)e-\(places)")).wholeNumber == value)
      #expect(JSONNumber(value).wholeNumber == value)
    }
  }

  @Test(
    "Text that is not a number is rejected",
    arguments: ["", " 1", "1 ", "+1", "01", "1.", "NaN", "\"1\"", "true"])
  func invalid(text: String) {
    #expect(JSONNumber(text) == nil)
  }
}

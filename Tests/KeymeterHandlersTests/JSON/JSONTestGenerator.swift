@testable import KeymeterHandlers

/// Random JSON from a seed.
///
/// Equal seeds give equal values on every machine.
struct JSONTestGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// The next number of the SplitMix64 sequence.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func value(depth: Int = 0) -> JSONValue {
    switch Int.random(in: 0..<(depth < 6 ? 8 : 5), using: &self) {
    case 0: .null
    case 1: .bool(Bool.random(using: &self))
    case 2: .number(JSONNumber(Int64(truncatingIfNeeded: next()) >> Int64.random(in: 0..<64, using: &self)))
    case 3: .number(number())
    case 4: .string(string())
    case 5: .array((0..<Int.random(in: 0..<6, using: &self)).map { _ in value(depth: depth + 1) })
    default: .object(object(depth: depth + 1))
    }
  }

  /// A number in any form of the grammar.
  mutating func number() -> JSONNumber {
    var text = Bool.random(using: &self) ? "-" : ""
    text += String(Int.random(in: 0...1_000_000, using: &self))
    if Bool.random(using: &self) { text += ".\(digits())" }
    if Bool.random(using: &self) {
      text += ["e", "E"][Int.random(in: 0..<2, using: &self)]
      text += ["", "+", "-"][Int.random(in: 0..<3, using: &self)]
      text += String(Int.random(in: 0...200, using: &self))
    }
    return JSONNumber(verified: text)
  }

  private mutating func digits() -> String {
    (0..<Int.random(in: 1...12, using: &self))
      .map { _ in String(Int.random(in: 0...9, using: &self)) }.joined()
  }

  mutating func string() -> String {
    var scalars = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0..<20, using: &self) { scalars.append(scalar()) }
    return String(scalars)
  }

  private mutating func scalar() -> Unicode.Scalar {
    let ranges: [ClosedRange<UInt32>] = [
      0...0x1F, 0x20...0x7E, 0x20...0x7E, 0x22...0x22, 0x5C...0x5C, 0x7F...0x7FF, 0x300...0x36F,
      0x2028...0x2029, 0x800...0xD7FF, 0xE000...0xFFFF, 0x10000...0x10FFFF,
    ]
    let range = ranges[Int.random(in: 0..<ranges.count, using: &self)]
    return Unicode.Scalar(UInt32.random(in: range, using: &self)) ?? "\u{FFFD}"
  }

  private mutating func object(depth: Int) -> JSONObject {
    var names: Set<ExactString> = []
    var members: [JSONObject.Member] = []
    for _ in 0..<Int.random(in: 0..<12, using: &self) {
      let name = string()
      guard names.insert(ExactString(name)).inserted else { continue }
      members.append(JSONObject.Member(name: name, value: value(depth: depth)))
    }
    return JSONObject(distinct: members)
  }
}

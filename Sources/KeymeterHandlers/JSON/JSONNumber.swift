/// A JSON number, kept as the text that was sent.
///
/// Nothing is rounded on the way in: 2^53+1 and `1e400` are still themselves, and whoever uses the number
/// judges it. Two are equal when their texts are: `1` and `1.0` are not.
struct JSONNumber: Sendable, Equatable {
  let text: String

  /// Takes a text that is known to follow the grammar of RFC 8259 §6.
  init(verified text: String) {
    self.text = text
  }

  /// Takes a text if it follows the grammar of RFC 8259 §6, with nothing before or after it.
  init?(_ text: String) {
    guard case .number(let number)? = try? JSONReader.read(Array(text.utf8)),
      number.text.utf8.count == text.utf8.count
    else { return nil }
    self = number
  }

  init(_ number: Int64) {
    text = String(number)
  }
}

extension JSONNumber {
  /// The exact value if the number is whole and fits in 64 bits; nil otherwise.
  ///
  /// The value counts, not the spelling: `100.0` and `1e2` are 100, `-0` is 0. It takes time in proportion to
  /// the text's length, whatever the exponent says, and needs no memory.
  var wholeNumber: Int64? {
    var decimal = Decimal()
    for byte in text.utf8 {
      guard decimal.take(byte) else { return nil }
    }
    guard let magnitude = decimal.wholeMagnitude else { return nil }
    return decimal.isNegative ? Int64(exactly: -Int128(magnitude)) : Int64(exactly: magnitude)
  }
}

/// A number as it is read from its text, byte by byte: `significand` × 10^`zeros`, less the digits after the
/// point, then scaled by the exponent.
private struct Decimal {
  private enum Part {
    case integer, fraction, exponent
  }

  /// No text is long enough for its own digits to make up for an exponent of this size, so a larger one needs
  /// no telling apart from it; and sums with it can't overflow.
  private static let largestExponent = Int.max / 100

  private(set) var isNegative = false
  private var part = Part.integer
  /// The digits up to the last one that isn't zero.
  private var significand: UInt64 = 0
  /// How many zeros have followed the significand.
  ///
  /// They are held back, because a fraction's don't count and an integer's may be undone by a negative
  /// exponent.
  private var zeros = 0
  private var fractionDigits = 0
  private var exponent = 0
  private var exponentIsNegative = false

  /// Takes the next byte; false if the number can't be a whole one of 64 bits whatever follows.
  ///
  /// That is so when the significand overflows: it doesn't end in a zero, so a negative exponent would make
  /// a fraction of it, and any other leaves it too large.
  mutating func take(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "-"):
      if part == .exponent { exponentIsNegative = true } else { isNegative = true }
    case UInt8(ascii: "."):
      part = .fraction
    case UInt8(ascii: "e"), UInt8(ascii: "E"):
      part = .exponent
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      return take(digit: byte - UInt8(ascii: "0"))
    default:
      break  // The plus sign of an exponent.
    }
    return true
  }

  private mutating func take(digit: UInt8) -> Bool {
    if part == .exponent {
      exponent = exponent < Self.largestExponent / 10 ? exponent * 10 + Int(digit) : Self.largestExponent
      return true
    }
    if part == .fraction { fractionDigits += 1 }
    guard digit != 0 else {
      if significand != 0 { zeros += 1 }
      return true
    }
    guard let shifted = significand.timesPowerOfTen(zeros + 1) else { return false }
    let (sum, overflow) = shifted.addingReportingOverflow(UInt64(digit))
    significand = sum
    zeros = 0
    return !overflow
  }

  /// The number without its sign, if it is whole and fits.
  var wholeMagnitude: UInt64? {
    guard significand != 0 else { return 0 }
    let scale = zeros - fractionDigits + (exponentIsNegative ? -exponent : exponent)
    return scale < 0 ? nil : significand.timesPowerOfTen(scale)
  }
}

extension UInt64 {
  /// This number followed by so many zeros; nil if it doesn't fit.
  ///
  /// It stops at the first overflow, so at most twenty steps are taken for any number but zero, which is
  /// answered at once.
  fileprivate func timesPowerOfTen(_ zeros: Int) -> UInt64? {
    guard self != 0 else { return 0 }
    var result = self
    for _ in 0..<zeros {
      let (product, overflow) = result.multipliedReportingOverflow(by: 10)
      guard !overflow else { return nil }
      result = product
    }
    return result
  }
}

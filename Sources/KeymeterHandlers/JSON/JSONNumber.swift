/// A JSON number, kept as the text that was sent.
///
/// Nothing is rounded on input: 2^53+1 and `1e400` keep their value. Two numbers are equal when their texts are, so `1`
/// differs from `1.0`.
struct JSONNumber: Sendable, Equatable {
  let text: String

  /// - Parameter text: must follow the grammar of RFC 8259 §6.
  init(verified text: String) {
    self.text = text
  }
}

extension JSONNumber {
  /// The exact value if the number is whole and fits in 64 bits, or `nil`.
  ///
  /// The value counts, not the spelling: `100.0` and `1e2` are 100, `-0` is 0. The time is linear in the text's length,
  /// for any exponent.
  var wholeNumber: Int64? {
    var decimal = Decimal()
    for byte in text.utf8 {
      guard decimal.take(byte) else { return nil }
    }
    guard let magnitude = decimal.wholeMagnitude else { return nil }
    return decimal.isNegative ? Int64(exactly: -Int128(magnitude)) : Int64(exactly: magnitude)
  }
}

/// Reads a number byte by byte: `significand` × 10^`zeros`, scaled down by the fraction's digits and then by the
/// exponent.
private struct Decimal {
  private enum Part {
    case integer, fraction, exponent
  }

  /// Larger exponents are clamped to this.
  ///
  /// No text has enough digits to offset it, and sums with it can't overflow.
  private static let largestExponent = Int.max / 100

  private(set) var isNegative = false
  private var part = Part.integer
  /// The digits up to the last one that isn't zero.
  private var significand: UInt64 = 0
  /// The zeros after the significand.
  ///
  /// They are kept apart, because zeros of a fraction don't count and a negative exponent can cancel an integer's.
  private var zeros = 0
  private var fractionDigits = 0
  private var exponent = 0
  private var exponentIsNegative = false

  /// Takes the next byte, or returns `false` if the number can no longer be a whole one of 64 bits.
  ///
  /// This happens when the significand overflows. It doesn't end in a zero, so a negative exponent would make it a
  /// fraction, and any other exponent leaves it too large.
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

  /// The absolute value if it is whole and fits, or `nil`.
  var wholeMagnitude: UInt64? {
    guard significand != 0 else { return 0 }
    let scale = zeros - fractionDigits + (exponentIsNegative ? -exponent : exponent)
    return scale < 0 ? nil : significand.timesPowerOfTen(scale)
  }
}

extension UInt64 {
  /// This number times 10^`zeros`, or `nil` if it doesn't fit.
  ///
  /// The loop ends at the first overflow, so after at most twenty steps.
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

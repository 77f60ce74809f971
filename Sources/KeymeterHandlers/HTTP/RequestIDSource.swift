import KeymeterDomain
import Synchronization

/// Names requests: characters drawn once for this process, and a count.
///
/// Unique among nodes, and much cheaper than drawing each name anew; nobody's safety rests on its being
/// hard to guess.
final class RequestIDSource: Sendable {
  static let shared = RequestIDSource()

  private static let countWidth = 10
  private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  private let stem: String
  private let count = Atomic<UInt64>(0)

  private init() {
    var random = RandomSource.system
    stem = String(RequestID(random: &random).rawValue.dropLast(Self.countWidth))
  }

  func next() -> RequestID {
    var rest = count.wrappingAdd(1, ordering: .relaxed).newValue
    let digits = String(unsafeUninitializedCapacity: Self.countWidth) { buffer in
      for index in (0..<Self.countWidth).reversed() {
        buffer[index] = Self.alphabet[Int(rest % 62)]
        rest /= 62
      }
      return Self.countWidth
    }
    return RequestID(rawValue: stem + digits)
  }
}

import KeymeterDomain
import KeymeterTesting

/// An admission request.
///
/// Its numbers select among the keys that exist when it runs.
struct RandomRequest: Sendable {
  let key: Int
  /// 0 and 1 select a tenant, 2 an unknown provider, and `nil` names none.
  let provider: Int?
  let charge: Amounts
  let scopes: [String]
  let environment: KeyEnvironment?

  init(using random: inout SeededGenerator) {
    key = .random(in: 0..<64, using: &random)
    provider = Int.random(in: 0..<4, using: &random) == 0 ? .random(in: 0...2, using: &random) : nil
    charge = .random(using: &random)
    let wanted = [[], [], [], ["a:b"], ["a:c", "d"], ["*"]]
    scopes = wanted[Int.random(in: 0..<wanted.count, using: &random)]
    environment = Int.random(in: 0..<5, using: &random) == 0 ? .staging : nil
  }
}

/// One operation on the usage store.
///
/// Its numbers select among the keys and reservations that exist when it runs.
enum MeteringStep: Sendable {
  case create(tenant: Int, limits: MonthlyLimits, scopes: [String], environment: KeyEnvironment)
  case setLimits(key: Int, MonthlyLimits)
  case verify(RandomRequest)
  case batch([RandomRequest])
  case reserve(key: Int, Amounts, ReservationExpiry)
  case settle(reservation: Int, Amounts)
  case settleAgain(reservation: Int)
  case settleAsOther(reservation: Int, key: Int, Amounts)
  case record(key: Int, Amounts, event: Int?)
  case runOut(reservation: Int)
  case sweep
  case expire(key: Int)
  case revoke(key: Int)
  case rotate(key: Int, overlapSeconds: Int64)
  case endOverlap(key: Int)
  case delete(key: Int)
  case monthPasses
  case dayPasses
  case usage(key: Int)
  case days(tenant: Int, key: Int?)

  static func random(using random: inout SeededGenerator) -> MeteringStep {
    let key = Int.random(in: 0..<64, using: &random)
    let reservation = Int.random(in: 0..<64, using: &random)
    switch Int.random(in: 0..<100, using: &random) {
    case ..<10: return created(using: &random)
    case ..<16: return .setLimits(key: key, .random(using: &random))
    case ..<18: return .rotate(key: key, overlapSeconds: Bool.random(using: &random) ? 604_800 : 0)
    case 18: return .endOverlap(key: key)
    case ..<34: return .verify(RandomRequest(using: &random))
    case ..<46:
      return .batch((0..<Int.random(in: 2...24, using: &random)).map { _ in RandomRequest(using: &random) })
    case ..<57:
      return .reserve(key: key, .random(using: &random), Bool.random(using: &random) ? .release : .charge)
    case ..<66: return .settle(reservation: reservation, .random(using: &random))
    case ..<69: return .settleAgain(reservation: reservation)
    case ..<71: return .settleAsOther(reservation: reservation, key: key, .random(using: &random))
    case ..<81:
      let event = Bool.random(using: &random) ? Int.random(in: 0..<6, using: &random) : nil
      return .record(key: key, .random(using: &random), event: event)
    case ..<84: return .runOut(reservation: reservation)
    case ..<86: return .dayPasses
    case ..<90: return .sweep
    case 90: return .expire(key: key)
    case 91: return .revoke(key: key)
    case ..<94: return .delete(key: key)
    case 94: return .monthPasses
    case ..<98: return .usage(key: key)
    default: return .days(tenant: key % 2, key: Bool.random(using: &random) ? key : nil)
    }
  }

  private static func created(using random: inout SeededGenerator) -> MeteringStep {
    let scopes = [["*"], ["a:*"], ["a:b", "d"], ["a:c", "d", "e"]]
    return .create(
      tenant: .random(in: 0..<2, using: &random), limits: .random(using: &random),
      scopes: scopes[Int.random(in: 0..<scopes.count, using: &random)],
      environment: Bool.random(using: &random) ? .production : .staging)
  }
}

extension Amounts {
  /// Mostly small amounts, often zero, rarely the largest possible.
  fileprivate static func random(using random: inout SeededGenerator) -> Amounts {
    var amounts = Amounts.zero
    for dimension in Dimension.allCases {
      switch Int.random(in: 0..<20, using: &random) {
      case ..<8: break
      case 8: amounts[dimension] = MonthlyLimits.largest
      default: amounts[dimension] = .random(in: 1...6, using: &random)
      }
    }
    return amounts
  }
}

extension MonthlyLimits {
  fileprivate static func random(using random: inout SeededGenerator) -> MonthlyLimits {
    var limits = MonthlyLimits.unrestricted
    for dimension in Dimension.allCases {
      switch Int.random(in: 0..<8, using: &random) {
      case ..<3: break
      case 3: limits[dimension] = 0
      case 4: limits[dimension] = largest
      default: limits[dimension] = .random(in: 1...60, using: &random)
      }
    }
    return limits
  }
}

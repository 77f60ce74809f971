import KeymeterDomain

/// Reads the members of a JSON object and collects all violations, so that one response reports them together.
struct BodyMembers {
  private let object: JSONObject
  private var taken: Set<ExactString> = []
  private(set) var violations: [FieldViolation] = []

  init(_ object: JSONObject) { self.object = object }

  /// A member's value, or `nil` if it is absent.
  ///
  /// `null` is a value.
  mutating func take(_ name: String) -> JSONValue? {
    taken.insert(ExactString(name))
    return object[name]
  }

  mutating func reject(_ field: String, _ message: String) {
    violations.append(FieldViolation(field: field, message: message))
  }

  /// The most unknown members in a response, so that it can't grow far beyond the request.
  private static let mostUnknownNamed = 16

  /// Rejects all members that were not read: a misspelt limit must not create an unlimited key.
  mutating func rejectUnknown() {
    let unknown = object.members.filter { !taken.contains(ExactString($0.name)) }
    for member in unknown.prefix(Self.mostUnknownNamed) {
      reject(RedactedName.of(member.name), "is not a known member")
    }
  }

  /// Runs a domain rule and collects its violations.
  mutating func checked<Value>(_ rule: () throws(ValidationFailure) -> Value) -> Value? {
    do {
      return try rule()
    } catch {
      violations += error.violations
      return nil
    }
  }

  /// A string, or `nil` if it is absent or, as a violation, of another type.
  mutating func text(_ name: String) -> String? {
    switch take(name) {
    case nil: return nil
    case .string(let text): return text
    default:
      reject(name, "must be a string")
      return nil
    }
  }

  /// A required string.
  mutating func requiredText(_ name: String) -> String? {
    guard object[name] != nil else {
      taken.insert(ExactString(name))
      reject(name, "is required")
      return nil
    }
    return text(name)
  }

  /// A string where `null` means absent.
  mutating func nullableText(_ name: String) -> String? {
    if case .null = take(name) { return nil }
    return text(name)
  }

  /// A required label.
  mutating func requiredLabel(_ name: String) -> Label? {
    guard let text = requiredText(name) else { return nil }
    return checked { () throws(ValidationFailure) in try Label(validating: text, field: name) }
  }

  /// A limit: an integer from 0 to 2^53 − 1, or `null`.
  mutating func limit(_ name: String) -> LimitChange {
    switch take(name) {
    case nil: return .unchanged
    case .null: return .cleared
    case .number(let number):
      if let value = number.wholeNumber, (0...MonthlyLimits.largest).contains(value) { return .set(value) }
    default: break
    }
    reject(name, "must be a whole number from 0 to \(MonthlyLimits.largest), or null")
    return .unchanged
  }
}

extension BodyMembers {
  /// An amount: an integer from 0 to 2^53 − 1, or 0 if it is absent.
  mutating func amount(_ name: String) -> Int64 { wholeNumber(name, in: 0...MonthlyLimits.largest) ?? 0 }

  /// The amounts of all three dimensions.
  mutating func amounts() -> Amounts {
    Amounts(requests: amount("requests"), tokens: amount("tokens"), speechSeconds: amount("stt_secs"))
  }

  /// An integer, or `nil` if it is absent or, as a violation, outside the range.
  mutating func wholeNumber(_ name: String, in range: ClosedRange<Int64>) -> Int64? {
    switch take(name) {
    case nil: return nil
    case .number(let number):
      if let value = number.wholeNumber, range.contains(value) { return value }
    default: break
    }
    reject(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
    return nil
  }

  /// A required day: `YYYY-MM-DD`.
  mutating func requiredDay(_ name: String) -> CivilDate? {
    guard let text = requiredText(name) else { return nil }
    guard let day = CivilDate(text) else {
      reject(name, "must be a day like 2026-01-31")
      return nil
    }
    return day
  }
}

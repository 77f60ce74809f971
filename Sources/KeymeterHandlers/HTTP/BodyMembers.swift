import KeymeterDomain

/// Takes the members of a JSON object one by one, and notes what is wrong with each, so that a caller is told
/// everything at once.
struct BodyMembers {
  private let object: JSONObject
  private var taken: Set<ExactString> = []
  private(set) var violations: [FieldViolation] = []

  init(_ object: JSONObject) { self.object = object }

  /// A member's value; `nil` where it is absent.
  ///
  /// `null` is a value.
  mutating func take(_ name: String) -> JSONValue? {
    taken.insert(ExactString(name))
    return object[name]
  }

  mutating func refuse(_ field: String, _ message: String) {
    violations.append(FieldViolation(field: field, message: message))
  }

  /// How many unknown members are named; an answer must not grow far beyond its question.
  private static let mostUnknownNamed = 16

  /// Every member that nobody took: a misspelt limit must not make an unlimited key.
  mutating func refuseUnknown() {
    let unknown = object.members.filter { !taken.contains(ExactString($0.name)) }
    for member in unknown.prefix(Self.mostUnknownNamed) {
      refuse(RedactedName.of(member.name), "is not a known member")
    }
  }

  /// Runs a domain rule, and notes what it finds.
  mutating func checked<Value>(_ rule: () throws(ValidationFailure) -> Value) -> Value? {
    do {
      return try rule()
    } catch {
      violations += error.violations
      return nil
    }
  }

  /// A text; `nil` where it is absent, or is no text, which is noted.
  mutating func text(_ name: String) -> String? {
    switch take(name) {
    case nil: return nil
    case .string(let text): return text
    default:
      refuse(name, "must be a string")
      return nil
    }
  }

  /// A text that must be there.
  mutating func requiredText(_ name: String) -> String? {
    guard object[name] != nil else {
      taken.insert(ExactString(name))
      refuse(name, "is required")
      return nil
    }
    return text(name)
  }

  /// A text for which `null` says the same as leaving it out.
  mutating func nullableText(_ name: String) -> String? {
    if case .null = take(name) { return nil }
    return text(name)
  }

  /// A label that must be there.
  mutating func requiredLabel(_ name: String) -> Label? {
    guard let text = requiredText(name) else { return nil }
    return checked { () throws(ValidationFailure) in try Label(validating: text, field: name) }
  }

  /// A limit: a whole number from 0 to 2^53 − 1, or `null`.
  mutating func limit(_ name: String) -> LimitChange {
    switch take(name) {
    case nil: return .unchanged
    case .null: return .cleared
    case .number(let number):
      if let value = number.wholeNumber, (0...MonthlyLimits.largest).contains(value) { return .set(value) }
    default: break
    }
    refuse(name, "must be a whole number from 0 to \(MonthlyLimits.largest), or null")
    return .unchanged
  }
}

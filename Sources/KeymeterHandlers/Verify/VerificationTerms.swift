import HTTPTypes
import Hummingbird
import KeymeterDomain

/// The charge of a verify request, and what it requires of the key.
struct VerificationTerms: Equatable {
  /// The most scopes a request may require: the database compares each with each scope of the key.
  static let mostScopes = 32

  var charge = Amounts.oneRequest
  var scopes: [Scope] = []
  var environment: KeyEnvironment?
  /// Replaces 429 where a gateway can't pass it on: nginx's `auth_request` passes on only 401 and 403.
  var denyStatus = HTTPResponse.Status.tooManyRequests

  /// Reads the terms from a query (contract §5, `/api/v1/verify`).
  ///
  /// An unknown parameter is rejected, so that a misspelt requirement is not silently ignored.
  ///
  /// - Throws: `RequestRejection.invalidQuery`, also for an invalid value and for a repeated parameter other than
  ///   `scope`.
  init(query: String?) throws(RequestRejection) {
    self.init()
    guard let query, !query.isEmpty else { return }
    let parameters = try QueryParameters(query)
    try parameters.allow(["requests", "tokens", "stt_secs", "scope", "environment", "deny_status"])
    for dimension in Dimension.allCases {
      guard let text = try parameters.single(dimension.rawValue) else { continue }
      charge[dimension] = try Self.amount(text, of: dimension.rawValue)
    }
    for text in parameters.all("scope") { try require(text, field: "scope") }
    environment = try parameters.single("environment").map { text throws(RequestRejection) in
      try Self.environment(text, field: "environment")
    }
    switch try parameters.single("deny_status") {
    case nil, "429": break
    case "403": denyStatus = .forbidden
    default: throw Self.invalid("deny_status", "must be 403 or 429")
    }
  }

  /// Reads the terms from the gateway's headers (contract §5, `/api/v1/verify/*`).
  ///
  /// A header that a client smuggles past the gateway can only make the request stricter or more expensive. The
  /// largest amount counts, all scopes are required, and at least one request is charged.
  ///
  /// - Throws: `RequestRejection.invalidQuery` naming the header.
  init(headers: HTTPFields) throws(RequestRejection) {
    self.init()
    for value in headers[values: .charge] {
      for part in value.utf8.split(separator: UInt8(ascii: ",")) {
        try raise(by: Substring(part))
      }
    }
    for value in headers[values: .requireScope] {
      for word in value.split(separator: " ") {
        try require(String(word), field: "X-Keymeter-Require-Scope")
      }
    }
    for value in headers[values: .requireEnvironment] {
      let named = try Self.environment(value, field: "X-Keymeter-Require-Environment")
      guard environment == nil || environment == named else {
        throw Self.invalid("X-Keymeter-Require-Environment", "must not name two environments")
      }
      environment = named
    }
  }

  private init() {}

  /// Reads one `name=amount` of `X-Keymeter-Charge`.
  private mutating func raise(by part: Substring) throws(RequestRejection) {
    let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      .map { String($0.trimmingBlanks()) }
    guard pair.count == 2, let dimension = Dimension(rawValue: pair[0]) else {
      throw Self.invalid("X-Keymeter-Charge", "must be like requests=1, tokens=0, stt_secs=0")
    }
    charge[dimension] = max(charge[dimension], try Self.amount(pair[1], of: "X-Keymeter-Charge"))
  }

  private static func amount(_ text: String, of field: String) throws(RequestRejection) -> Int64 {
    guard let amount = Int64(digits: text), amount <= MonthlyLimits.largest else {
      throw invalid(field, "must be a whole number from 0 to \(MonthlyLimits.largest)")
    }
    return amount
  }

  private mutating func require(_ text: String, field: String) throws(RequestRejection) {
    let scope: Scope
    do {
      scope = try Scope(validating: text, field: field)
    } catch {
      throw .invalidQuery(error.violations)
    }
    guard !scopes.contains(scope) else { return }
    guard scopes.count < Self.mostScopes else {
      throw Self.invalid(field, "must not require more than \(Self.mostScopes) scopes")
    }
    scopes.append(scope)
  }

  private static func environment(_ text: String, field: String) throws(RequestRejection) -> KeyEnvironment {
    do {
      return try KeyEnvironment(validating: text, field: field)
    } catch {
      throw .invalidQuery(error.violations)
    }
  }

  private static func invalid(_ field: String, _ message: String) -> RequestRejection {
    .invalidQuery([FieldViolation(field: field, message: message)])
  }
}

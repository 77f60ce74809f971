import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

/// The calls of the runtime API, each made by a root key.
enum RuntimeOperation: CaseIterable {
  case verify, verifySubpath, reserve, settle, record, usage, analytics, audit

  /// The calls with a body.
  static let withBody: [RuntimeOperation] = [.reserve, .settle, .record, .analytics]

  /// The calls that the router serves, each with one method.
  static let routed: [RuntimeOperation] = [.reserve, .settle, .record, .usage, .analytics, .audit]

  /// The whole organisation's usage of one day.
  static let analyticsOfToday = #"{"start_date":"2024-01-15","end_date":"2024-01-15"}"#

  var path: String {
    switch self {
    case .verify: "/api/v1/verify"
    case .verifySubpath: "/api/v1/verify/orders/7"
    case .reserve: "/api/v1/usage/reserve"
    case .settle: "/api/v1/usage/settle"
    case .record: "/api/v1/usage/record"
    case .usage: "/api/v1/usage"
    case .analytics: "/api/v1/usage-analytics"
    case .audit: "/api/v1/audit"
    }
  }

  var method: HTTPRequest.Method { Self.withBody.contains(self) ? .post : .get }

  /// The `Allow` header of the path.
  var allowed: String { self == .usage || self == .audit ? "GET, HEAD" : "POST" }

  /// The status of `call(by:)`.
  ///
  /// No reservation has its id, so `settle` gets 404.
  var status: Int {
    switch self {
    case .reserve: 201
    case .settle: 404
    default: 200
    }
  }

  private var document: String? {
    switch self {
    case .reserve, .record: #"{"requests":1}"#
    case .settle: #"{"reservation_id":"rsv_0"}"#
    case .analytics: Self.analyticsOfToday
    case .verify, .verifySubpath, .usage, .audit: nil
    }
  }

  func call(by key: IssuedKey) -> Call { .runtime(method, path, by: key, json: document) }

  /// The same call with an invalid query, header or body.
  func invalidCall(by key: IssuedKey) -> Call {
    switch self {
    case .verify: .runtime(method, path + "?scopes=a", by: key)
    case .verifySubpath: .runtime(method, path, by: key).with(.chargeHeader, "much")
    case .usage, .audit: .runtime(method, path + "?key=1", by: key)
    case .reserve, .settle, .record, .analytics: .runtime(method, path, by: key, json: "{")
    }
  }
}

extension Call {
  static let verifyPath = "/api/v1/verify"

  /// A call with `X-API-Key`.
  static func runtime(
    _ method: HTTPRequest.Method, _ uri: String, by key: IssuedKey, json: String? = nil
  ) -> Call {
    let call = Call(method, uri).with(.apiKeyHeader, key.secret.revealed)
    return json.map { call.sending(Array($0.utf8)) } ?? call
  }

  /// A verification with terms in its query.
  static func verify(_ query: String = "", by key: IssuedKey) -> Call {
    .runtime(.get, verifyPath + query, by: key)
  }

  /// A verification with terms in its headers.
  static func verifySubpath(_ rest: String = "/", by key: IssuedKey) -> Call {
    .runtime(.get, verifyPath + rest, by: key)
  }

  /// The same call with the Scrubs dialect's headers.
  func asScrubs(provider: String = "home") -> Call {
    with(.keyHeader, headers[.apiKeyHeader]).with(.providerHeader, provider).with(.apiKeyHeader, nil)
  }
}

extension Service {
  /// Sends a call and checks that the response contains no secret, as the runtime API never returns one.
  func ask(_ call: Call, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Answer {
    let answer = try await send(call, sourceLocation: sourceLocation)
    let whole = answer.text + answer.headers.map { "\($0)" }.joined()
    #expect(!whole.holdsKeySecret, "a response contains a secret", sourceLocation: sourceLocation)
    return answer
  }

  /// A child key of `home` or of another organisation.
  func key(
    _ limits: MonthlyLimits = .unrestricted, environment: KeyEnvironment = .production,
    scopes: [String] = ["*"], of organisation: TestOrganisation? = nil
  ) async throws -> IssuedKey {
    let draft = KeyDraft(
      friendlyName: try .test("Gateway"), limits: limits, environment: environment,
      scopes: try scopes.map { try Scope(validating: $0, field: "test") })
    return try await keys.create(
      draft, by: (organisation ?? home).credentials)
  }

  /// A key's usage of the current month.
  func used(by key: IssuedKey) async throws -> Amounts {
    try await usage.usage(of: { nil }, by: .test(Credentials(secret: key.secret)))
      .standing.used
  }

  /// The amounts that a key's open reservations hold.
  func reserved(by key: IssuedKey) async throws -> Amounts {
    try await usage.usage(of: { nil }, by: .test(Credentials(secret: key.secret)))
      .reserved
  }

  /// Sends a call that must leave all counters, days, reservations and events unchanged.
  func askRejected(_ call: Call, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Answer {
    let before = try await store.meter()
    let answer = try await ask(call, sourceLocation: sourceLocation)
    let changes = try await store.meter().differences(from: before)
    #expect(changes == [], "a rejected call changed the usage", sourceLocation: sourceLocation)
    return answer
  }

  /// Makes a reservation and returns its id.
  func reserve(_ json: String, by key: IssuedKey) async throws -> String {
    let answer = try await ask(.runtime(.post, RuntimeOperation.reserve.path, by: key, json: json))
    #expect(answer.status == 201)
    return try answer.text("reservation_id")
  }

  /// Settles a reservation.
  func settle(_ id: String, _ amounts: String = "", by key: IssuedKey) async throws -> Answer {
    let json = #"{"reservation_id":"\#(id)"\#(amounts.isEmpty ? "" : ",")\#(amounts)}"#
    return try await ask(.runtime(.post, RuntimeOperation.settle.path, by: key, json: json))
  }

  /// Records usage after the fact.
  func record(_ json: String, by key: IssuedKey) async throws -> Answer {
    try await ask(.runtime(.post, RuntimeOperation.record.path, by: key, json: json))
  }
}

extension MovingClock {
  /// Advances to this time.
  func advance(to text: String) throws {
    let target = try #require(Timestamp(rfc3339: text))
    advance(seconds: (target.microseconds - now.microseconds) / 1_000_000)
  }
}

extension JSONValue {
  /// An integer or `null`.
  static func whole(_ number: Int64?) -> JSONValue { number.map { .number(JSONNumber($0)) } ?? .null }

  /// A member of this object.
  subscript(name: String) -> JSONValue? {
    guard case .object(let object) = self else { return nil }
    return object[name]
  }
}

extension Answer {
  /// Expects the body to equal this JSON: the same members in the same order with the same values.
  func expectBody(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let expected = try JSONReader.read(text: text)
    #expect(
      try JSONReader.read(bytes) == expected, "\(self.text)", sourceLocation: sourceLocation)
  }

  /// A member of a dimension's limit: `limit`, `used`, `remaining` or `reserved`.
  func meter(_ dimension: Dimension, _ name: String) throws -> JSONValue? {
    try object["limits"]?[dimension.rawValue]?[name]
  }
}

/// Expects a 401 with this reason.
func expectUnauthenticated(
  _ answer: Answer, reason: String, _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  try expectProblem(
    answer, 401, code: "authentication_failed", comment,
    sourceLocation: sourceLocation)
  #expect(answer.headers[values: .reasonHeader] == [reason], comment, sourceLocation: sourceLocation)
  #expect(
    answer.headers[values: .wwwAuthenticate] == ["ApiKey realm=\"keymeter\""], comment,
    sourceLocation: sourceLocation)
  #expect(answer.headers[.keyIDHeader] == nil, comment, sourceLocation: sourceLocation)
}

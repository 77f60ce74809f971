import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

/// The calls of the dialect.
///
/// Each succeeds for a root key on a given key.
enum ScrubbeOperation: CaseIterable, Sendable {
  case create, list, rotate, revoke, delete

  /// The calls with a body, required or not.
  static let withBody: [ScrubbeOperation] = [.create, .rotate, .revoke]

  /// The calls whose path has a key's id.
  static let withTarget: [ScrubbeOperation] = [.rotate, .revoke, .delete]

  var method: HTTPRequest.Method {
    switch self {
    case .list: .get
    case .create, .rotate, .revoke: .post
    case .delete: .delete
    }
  }

  /// The scope that a child key needs.
  var scope: String { self == .list ? "apikeys:read" : "apikeys:write" }

  func path(_ id: KeyID) -> String {
    switch self {
    case .create: "/api/v1/apikey/createapikey"
    case .list: "/api/v1/apikey/apikeys"
    case .rotate: "/api/v1/apikey/\(id)/rotate"
    case .revoke: "/api/v1/apikey/\(id)/revoke"
    case .delete: "/api/v1/apikey/\(id)"
    }
  }

  static let newKey = #"{"name":"New","environment":"PRODUCTION","scopes":["incidents:read"]}"#

  func call(by secret: KeySecret?, on id: KeyID, query: String = "", json: String? = nil) -> Call {
    var call = Call(method, path(id) + query)
    call.headers[.apiKeyHeader] = secret?.revealed
    let body = json ?? (self == .create ? Self.newKey : nil)
    return body.map { call.sending(Array($0.utf8)) } ?? call
  }
}

extension Service {
  /// Sends a call of the dialect, by default as `home`'s root key.
  func scrubbe(
    _ operation: ScrubbeOperation, by secret: KeySecret? = nil, on id: KeyID? = nil, query: String = "",
    json: String? = nil
  ) async throws -> Answer {
    try await send(
      operation.call(
        by: secret ?? home.root.secret, on: id ?? KeyID(rawValue: "key_none"), query: query, json: json))
  }

  /// A key of `home` created in this dialect.
  func issue(
    scopes: [String] = ["*"], environment: KeyEnvironment = .production,
    limits: MonthlyLimits = .unrestricted, expiresIn seconds: Int64? = nil
  ) async throws -> IssuedKey {
    let draft = KeyDraft(
      friendlyName: try .test("Issued"), limits: limits, environment: environment,
      scopes: scopes.map(Scope.init(stored:)),
      expiresAt: seconds.map { clock.now.advanced(bySeconds: $0) })
    return try await keys.create(
      draft, by: home.credentials, under: .rootKeysAndScopes)
  }
}

extension Answer {
  /// The envelope's `data` as an object.
  var data: JSONObject {
    get throws {
      guard case .object(let data)? = try object["data"] else { throw NotAnObject() }
      return data
    }
  }

  /// The envelope's `data` as an array of objects.
  var dataList: [JSONObject] {
    get throws {
      guard case .array(let data)? = try object["data"] else { throw NotAnObject() }
      return data.compactMap { if case .object(let object) = $0 { object } else { nil } }
    }
  }

  /// The ids of the keys on a page.
  var listedIDs: [String] {
    get throws { try dataList.compactMap { $0.text("id") } }
  }
}

extension JSONObject {
  /// A string member, or `nil` for any other.
  func text(_ name: String) -> String? {
    if case .string(let text)? = self[name] { text } else { nil }
  }
}

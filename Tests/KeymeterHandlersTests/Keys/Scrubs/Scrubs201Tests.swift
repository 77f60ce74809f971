import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 201: creating a key")
struct Scrubs201Tests {
  @Test(
    "The response contains the secret, which authenticates at once as a child key of this organisation only")
  func secret() async throws {
    let service = try await Service()
    let answer = try await service.asRoot(.post, json: #"{"friendly_name":"Till"}"#)
    #expect(answer.status == 201)
    #expect(answer.headers[.contentType] == "application/json")
    #expect(answer.headers[.cacheControl] == "no-store")
    let plaintext = try answer.text("apiKey")
    let secret = try #require(KeySecret(presented: plaintext))
    #expect(answer.text.ranges(of: plaintext).count == 1)
    #expect(!answer.headers.map { "\($0)" }.joined().contains(plaintext))
    #expect(try answer.text("key_hint") == secret.hint)
    let own = try await service.send(.scrubs(.get, by: service.home.credentials(secret)))
    #expect(own.status == 200)
    #expect(try own.text("id") == answer.text("id"))
    #expect(try own.object["root"] == .bool(false))
    #expect(try await service.send(.scrubs(.get, by: service.neighbour.credentials(secret))).status == 401)
  }

  @Test("The reference's sample is accepted unchanged")
  func sample() async throws {
    let service = try await Service()
    let answer = try await service.asRoot(
      .post,
      json: """
        {
          "friendly_name": "Production EHR Integration",
          "usage_limit": 100,
          "monthly_token_limit": 5000000,
          "monthly_stt_secs_limit": 7200
        }
        """)
    #expect(answer.status == 201)
    let object = try answer.object
    #expect(object["friendly_name"] == .string("Production EHR Integration"))
    #expect(object["usage_limit"] == .number("100"))
    #expect(object["monthly_token_limit"] == .number("5000000"))
    #expect(object["monthly_stt_secs_limit"] == .number("7200"))
  }

  @Test(
    "An absent member, or null where allowed, gets its default",
    arguments: [
      #"{"friendly_name":"Till"}"#,
      """
      {"friendly_name":"Till","usage_limit":null,"monthly_token_limit":null,"monthly_stt_secs_limit":null,\
      "linkage_id":null,"clinic_id":null,"expires_at":null}
      """,
    ])
  func defaults(body: String) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(.post, json: body)
    #expect(answer.status == 201)
    let object = try answer.object
    for name in Metadata.limits + ["expires_at", "last_used_at"] { #expect(object[name] == .null) }
    #expect(object["environment"] == .string("PRODUCTION"))
    #expect(object["scopes"] == .array([.string("*")]))
    #expect(object["root"] == .bool(false))
    #expect(try answer.text("linkage_id").hasPrefix("lnk_"))
    #expect(try answer.text("apiKey").hasPrefix("sk_live_"))
  }

  @Test(
    "Each environment has its own key prefix",
    arguments: [("PRODUCTION", "sk_live_"), ("STAGING", "sk_stag_"), ("DEVELOPMENT", "sk_dev_")])
  func environments(name: String, prefix: String) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(.post, json: #"{"friendly_name":"T","environment":"\#(name)"}"#)
    #expect(try answer.text("environment") == name)
    #expect(try answer.text("apiKey").hasPrefix(prefix))
  }

  @Test(
    "Integers are accepted in every spelling",
    arguments: [
      ("0", "0"), ("1", "1"), ("1e3", "1000"), ("1E+3", "1000"), ("100.0", "100"), ("-0", "0"),
      ("-0.0e5", "0"),
      ("1500e-2", "15"), ("9007199254740991", "9007199254740991"),
      ("9007199254740991.000", "9007199254740991"),
      ("0e999999999999999999999", "0"),
    ], Metadata.limits)
  func limitSpellings(_ spelling: (sent: String, kept: String), field: String) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(
      .post, json: #"{"friendly_name":"T","\#(field)":\#(spelling.sent)}"#)
    #expect(answer.status == 201)
    for name in Metadata.limits {
      #expect(try answer.object[name] == (name == field ? .number(spelling.kept) : .null), "\(name)")
    }
  }

  @Test("linkage_id and its alias clinic_id both set the linkage id", arguments: ["linkage_id", "clinic_id"])
  func linkage(field: String) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(
      .post, json: #"{"friendly_name":"T","\#(field)":" Clinic 7 "}"#)
    #expect(answer.status == 201)
    #expect(try answer.text("linkage_id") == "Clinic 7")
    #expect(try answer.object["clinic_id"] == nil)
  }

  @Test("The alias may be null next to the other name")
  func nullAlias() async throws {
    let service = try await Service()
    for (given, null) in [("linkage_id", "clinic_id"), ("clinic_id", "linkage_id")] {
      let answer = try await service.asRoot(
        .post, json: #"{"friendly_name":"T","\#(given)":"\#(given)","\#(null)":null}"#)
      #expect(try answer.text("linkage_id") == given)
    }
  }

  @Test("Scopes keep their order and lose duplicates")
  func scopes() async throws {
    let service = try await Service()
    let answer = try await service.asRoot(
      .post, json: #"{"friendly_name":"T","scopes":["b:read","a:*","b:read","*"]}"#)
    #expect(try answer.object["scopes"] == .array([.string("b:read"), .string("a:*"), .string("*")]))
    let hundred = (1...100).map { "\"s:\($0)\"" }.joined(separator: ",")
    #expect(
      try await service.asRoot(.post, json: #"{"friendly_name":"T","scopes":[\#(hundred)]}"#).status == 201)
  }

  @Test(
    "expires_at is accepted in any time zone and returned in UTC",
    arguments: [
      ("2024-01-15T10:30:01Z", "2024-01-15T10:30:01Z"),
      ("2024-01-15T23:30:00.75+13:00", "2024-01-15T10:30:00Z"),
      ("2024-01-16t00:00:00-05:30", "2024-01-16T05:30:00Z"),
      ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ])
  func expiry(sent: String, reported: String) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(.post, json: #"{"friendly_name":"T","expires_at":"\#(sent)"}"#)
    #expect(answer.status == 201)
    #expect(try answer.text("expires_at") == reported)
  }

  @Test("Two keys may share a name, but not id, linkage id or secret")
  func twins() async throws {
    let service = try await Service()
    let first = try await service.asRoot(.post, json: #"{"friendly_name":"T"}"#)
    let second = try await service.asRoot(.post, json: #"{"friendly_name":"T"}"#)
    for name in ["id", "linkage_id", "apiKey"] {
      #expect(try first.text(name) != second.text(name))
    }
  }
}

import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 200: updating a key")
struct Scrubs200UpdateTests {
  private static let before = MonthlyLimits(requests: 1, tokens: 2, speechSeconds: 3)
  private static let shownBefore = [
    "usage_limit": "1", "monthly_token_limit": "2", "monthly_stt_secs_limit": "3",
  ]

  @Test(
    "A limit of null is cleared, a number is set, and absent limits stay",
    arguments: Metadata.limits, ["null", "0", "8000000", "9007199254740991"])
  func oneLimit(field: String, value: String) async throws {
    let service = try await Service()
    let child = try await service.child(limits: Self.before)
    let answer = try await service.asRoot(
      .put, json: #"{"id":"\#(child.key.id.rawValue)","\#(field)":\#(value)}"#)
    #expect(answer.status == 200)
    let object = try answer.object
    for name in Metadata.limits {
      let shown = name == field ? value : Self.shownBefore[name] ?? ""
      #expect(object[name] == (shown == "null" ? .null : .number(shown)), "\(name)")
    }
    #expect(object["friendly_name"] == .string("Till"))
  }

  @Test("A body with only an id changes nothing and logs nothing")
  func nothing() async throws {
    let service = try await Service()
    let child = try await service.child(limits: Self.before)
    let entries = service.store.auditLog.count
    let answer = try await service.asRoot(.put, json: #"{"id":"\#(child.key.id.rawValue)"}"#)
    #expect(answer.status == 200)
    for (name, value) in Self.shownBefore { #expect(try answer.object[name] == .number(value)) }
    #expect(try answer.text("friendly_name") == "Till")
    #expect(service.store.auditLog.count == entries)
  }

  @Test("The response equals the stored record: trimmed name, limits, and no secret")
  func kept() async throws {
    let service = try await Service()
    let child = try await service.child(linkage: "Clinic 7")
    let answer = try await service.asRoot(
      .put,
      json: """
        {"id":"\(child.key.id.rawValue)","friendly_name":"  New name ","usage_limit":1500,\
        "monthly_token_limit":8000000,"monthly_stt_secs_limit":14400}
        """)
    #expect(answer.status == 200)
    #expect(try answer.text("friendly_name") == "New name")
    let own = try await service.send(.scrubs(.get, by: service.home.credentials(child.secret))).object
    for name in Metadata.names where name != "last_used_at" {
      #expect(try own[name] == answer.object[name], "\(name)")
    }
    #expect(own["linkage_id"] == .string("Clinic 7"))
    #expect(try answer.object["apiKey"] == nil)
  }

  @Test("A root key can update its own record and stays root")
  func ownRecord() async throws {
    let service = try await Service()
    let answer = try await service.asRoot(
      .put, json: #"{"id":"\#(service.home.root.key.id.rawValue)","friendly_name":"Boss","usage_limit":9}"#)
    #expect(answer.status == 200)
    #expect(try answer.text("friendly_name") == "Boss")
    #expect(try answer.object["usage_limit"] == .number("9"))
    #expect(try answer.object["root"] == .bool(true))
  }

  @Test("A second root key can update the organisation's child keys too")
  func secondRoot() async throws {
    let service = try await Service()
    let child = try await service.child()
    let second = service.home.credentials(try await service.secondRoot().secret)
    let answer = try await service.send(
      .scrubs(.put, by: second, json: #"{"id":"\#(child.key.id.rawValue)","usage_limit":4}"#))
    #expect(try answer.object["usage_limit"] == .number("4"))
  }

  @Test("An update never changes a key of another organisation")
  func neighbourUntouched() async throws {
    let service = try await Service()
    let mine = try await service.child(named: "Same")
    _ = try await service.child(named: "Same", of: service.neighbour)
    let before = try await service.organisations.show(service.neighbour.organisation.providerID).keys
    #expect(
      try await service.asRoot(.put, json: #"{"id":"\#(mine.key.id.rawValue)","usage_limit":0}"#).status
        == 200)
    let after = try await service.organisations.show(service.neighbour.organisation.providerID).keys
    #expect(after == before)
  }

  @Test("A change is logged with the calling key and the request id")
  func logged() async throws {
    let service = try await Service()
    let child = try await service.child()
    let call = Call.scrubs(
      .put, by: service.home.credentials, json: #"{"id":"\#(child.key.id.rawValue)","usage_limit":1}"#)
    _ = try await service.send(call.with(.requestIDHeader, "req-from-proxy"))
    let entry = try #require(service.store.auditLog.last)
    #expect(entry.action == .keyUpdated)
    #expect(entry.target == child.key.id.rawValue)
    #expect(entry.requestID.rawValue == "req-from-proxy")
    #expect(entry.principal == .key(service.home.root.key.id, hint: service.home.root.secret.hint))
    #expect(entry.changes == [FieldChange("usage_limit", from: nil, to: .number(1))])
  }
}

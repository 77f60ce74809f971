import KeymeterTesting
import Testing

@testable import KeymeterDomain

@Suite struct KeyChangesTests {
  @Test func `a new key has each field that is set go from nothing to its value, in a fixed order`() throws {
    let changes = APIKey.changes(from: nil, to: try key())
    #expect(
      changes == [
        FieldChange("friendly_name", from: nil, to: .text("Till")),
        FieldChange("usage_limit", from: nil, to: .number(1)),
        FieldChange("monthly_stt_secs_limit", from: nil, to: .number(0)),
        FieldChange("root", from: nil, to: .boolean(false)),
        FieldChange("environment", from: nil, to: .text("STAGING")),
        FieldChange("scopes", from: nil, to: .list(["a:read", "b:*"])),
        FieldChange("expires_at", from: nil, to: .text("2024-01-15T10:30:00Z")),
        FieldChange("linkage_id", from: nil, to: .text("shop 7")),
        FieldChange("key_hint", from: nil, to: .text("sk_stag_...abcd")),
      ])
  }

  @Test func `a deleted key has the same fields go the other way`() throws {
    let key = try key()
    #expect(
      APIKey.changes(from: key, to: nil)
        == APIKey.changes(from: nil, to: key).map { FieldChange($0.field, from: $0.new, to: $0.old) })
  }

  @Test func `a step names what differs and nothing else`() throws {
    let old = try key()
    var new = old
    new.friendlyName = try .test("Desk")
    new.limits = MonthlyLimits(requests: nil, tokens: 2, speechSeconds: 0)
    #expect(
      APIKey.changes(from: old, to: new) == [
        FieldChange("friendly_name", from: .text("Till"), to: .text("Desk")),
        FieldChange("usage_limit", from: .number(1), to: nil),
        FieldChange("monthly_token_limit", from: nil, to: .number(2)),
      ])
  }

  @Test func `no step is no change`() throws {
    #expect(APIKey.changes(from: try key(), to: try key()).isEmpty)
    #expect(APIKey.changes(from: nil, to: nil).isEmpty)
  }

  @Test func `a use is no change`() throws {
    let unused = try key()
    #expect(APIKey.changes(from: unused, to: try key(lastUsedAt: unused.createdAt)).isEmpty)
  }

  private func key(lastUsedAt: Timestamp? = nil) throws -> APIKey {
    APIKey(
      id: KeyID(rawValue: "key_1"), organisationID: OrganisationID(rawValue: "org_1"),
      friendlyName: try .test("Till"), root: false, environment: .staging,
      scopes: [Scope(stored: "a:read"), Scope(stored: "b:*")],
      limits: MonthlyLimits(requests: 1, tokens: nil, speechSeconds: 0), linkageID: try .test("shop 7"),
      hint: "sk_stag_...abcd", createdAt: Timestamp(microseconds: 0),
      expiresAt: Timestamp(microseconds: 1_705_314_600_000_000), revokedAt: nil, lastUsedAt: lastUsedAt,
      status: .active)
  }
}

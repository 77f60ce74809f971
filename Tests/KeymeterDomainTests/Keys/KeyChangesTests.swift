import KeymeterTesting
import Testing

@testable import KeymeterDomain

@Suite struct KeyChangesTests {
  @Test("A new key logs each field that is set, in a fixed order")
  func created() throws {
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

  @Test("A deleted key logs the same fields in reverse")
  func deleted() throws {
    let key = try key()
    #expect(
      APIKey.changes(from: key, to: nil)
        == APIKey.changes(from: nil, to: key).map { FieldChange($0.field, from: $0.new, to: $0.old) })
  }

  @Test("A change logs only the fields that differ")
  func changed() throws {
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

  @Test("Equal keys have no changes")
  func unchanged() throws {
    #expect(APIKey.changes(from: try key(), to: try key()).isEmpty)
    #expect(APIKey.changes(from: nil, to: nil).isEmpty)
  }

  @Test("A use is not a change")
  func used() throws {
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

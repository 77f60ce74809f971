import Foundation
import Testing

@testable import KeymeterOps
@testable import keymeter

@Suite("Settings that doctor knows")
struct SettingRuleTests {
  @Test("Doctor knows exactly the settings that docs/operations.md lists")
  func documented() throws {
    let project = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: project.appending(path: "docs/operations.md"), encoding: .utf8)
    let listed = page.matches(of: /(?m)^\| `(DATABASE_URL|KEYMETER_[A-Z_]+)` \|/).map { String($0.1) }
    #expect(Set(listed) == Set(SettingRule.all().flatMap(\.names)))
  }

  @Test("Each setting may have the suffix _FILE, and an unknown KEYMETER_ variable is reported")
  func unknown() {
    let source = SettingsSource(environment: [
      "KEYMETER_PORT_FILE": "/port", "KEYMETER_CONECTIONS": "5", "PORT": "1",
    ])
    #expect(SettingRule.unknown(in: source) == ["KEYMETER_CONECTIONS"])
  }

  @Test("Each invalid setting is reported under its own name")
  func apart() {
    let source = SettingsSource(environment: ["KEYMETER_PORT": "x", "KEYMETER_HEADER_BYTES": "y"])
    let settings = NodeSettings(source, databaseURL: "postgresql://")
    #expect(
      settings.problems.map { $0.prefix { $0 != " " } } == [
        "KEYMETER_PORT", "KEYMETER_HEADER_BYTES", "KEYMETER_PEPPERS",
      ])
  }
}

import Foundation
import KeymeterTesting
import Postgres
import Subprocess
import SystemPackage
import Testing

/// One run of `keymeter doctor --json`.
struct DoctorProcess: Sendable {
  struct Check: Sendable, Decodable {
    let name: String
    let status: String
    let found: String
    let advice: String?
  }

  private struct Document: Decodable {
    let status: String
    let checks: [Check]
  }

  let code: Int32
  let status: String
  let checks: [Check]
  /// The output.
  let text: String
  let seconds: Double

  /// A check by its name.
  subscript(name: String) -> Check? { checks.first { $0.name == name } }

  /// The names of the checks with one of these levels.
  func names(_ levels: String...) -> [String] { checks.filter { levels.contains($0.status) }.map(\.name) }

  /// Runs doctor with only these settings and a valid pepper.
  static func on(
    _ url: String, _ settings: [String: String] = [:], strict: Bool = false, shell: String? = nil
  ) async throws -> DoctorProcess {
    try await with(
      ["DATABASE_URL": url, "KEYMETER_PEPPERS": Node.peppers].merging(settings) { $1 }, strict: strict,
      shell: shell)
  }

  /// Runs SQL as a superuser, then doctor as the server's login.
  static func after(_ sql: String) async throws -> DoctorProcess {
    try await TestDatabase.withMigrated { database in
      try await database.withPool { pool in
        try await pool.withConnection { try await $0.executeScript(sql) }
      }
      let run = try await on(try await database.url(as: .server))
      // The shared cluster always fails, because it does not sync.
      #expect(run.code == 1)
      return run
    }
  }

  /// Runs doctor with only these settings.
  static func with(
    _ settings: [String: String], strict: Bool = false, shell: String? = nil
  ) async throws -> DoctorProcess {
    let began = ContinuousClock.now
    let process = try await ServerProcess.start(
      ["doctor", "--json"] + (strict ? ["--strict"] : []), environment: settings, shell: shell)
    let ending = try await process.ended()
    let text = try process.log
    await process.discard()
    guard case .exited(let code) = ending else { throw TestFailure("doctor ended by \(ending): \(text)") }
    guard let document = try? JSONDecoder().decode(Document.self, from: Data(text.utf8)) else {
      throw TestFailure("doctor printed no JSON: \(text)")
    }
    return DoctorProcess(
      code: code, status: document.status, checks: document.checks, text: text,
      seconds: (ContinuousClock.now - began) / .seconds(1))
  }

  /// A shell command that starts doctor with another clock.
  static func clock(_ offset: String) -> String { "exec faketime -f \(offset) \"$@\"" }
}

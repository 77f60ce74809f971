import KeymeterDomain
import KeymeterTesting
import Testing

/// Plays the same random steps on the model and on PostgreSQL, by two nodes and several connections; whatever either
/// says or holds, the other must say and hold.
@Suite("PostgreSQL meters as the model does", .timeLimit(.minutes(2)))
struct ModelMeteringConformance {
  @Test("over random steps of several tenants", arguments: [41, 42, 43, 44, 45, 46] as [UInt64])
  func randomSteps(seed: UInt64) async throws {
    try await Backend.inMemory.withStore { model in
      try await Backend.postgres.withStore { real in
        var expecting = try await MeteringPlayer(model, seed: seed)
        var acting = try await MeteringPlayer(real, seed: seed)
        var choices = SeededGenerator(seed: seed)
        for number in 0..<200 {
          let step = MeteringStep.random(using: &choices)
          let expected = try await expecting.play(step)
          let actual = try await acting.play(step)
          let differences = try await real.hooks.meter().differences(from: try await model.hooks.meter())
          guard actual == expected, differences.isEmpty else {
            Issue.record(
              """
              seed \(seed), step \(number): \(step)
              expected \(expected)
              actual   \(actual)
              \(differences.joined(separator: "\n"))
              """)
            return
          }
        }
      }
    }
  }
}

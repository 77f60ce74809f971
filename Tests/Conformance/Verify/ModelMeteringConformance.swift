import KeymeterDomain
import KeymeterTesting
import Testing

/// Runs the same random operations on the model and on PostgreSQL with two nodes, and compares results and
/// contents.
@Suite("PostgreSQL meters like the in-memory model", .timeLimit(.minutes(10)))
struct ModelMeteringConformance {
  @Test(
    "Random operations of several organisations have the same results and leave the same usage",
    arguments: [41, 42, 43, 44, 45, 46] as [UInt64])
  func randomSteps(seed: UInt64) async throws {
    try await Backend.inMemory.withStore { model in
      try await Backend.postgres.withStore { real in
        var expecting = try await MeteringReplayer(model, seed: seed)
        var acting = try await MeteringReplayer(real, seed: seed)
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

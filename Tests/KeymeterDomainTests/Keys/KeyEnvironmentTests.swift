import KeymeterDomain
import Testing

@Suite struct KeyEnvironmentTests {
  @Test(
    "Each environment has a wire name and a key infix",
    arguments: [
      ("PRODUCTION", KeyEnvironment.production, "live"), ("STAGING", .staging, "stag"),
      ("DEVELOPMENT", .development, "dev"),
    ])
  func names(
    name: String, environment: KeyEnvironment, infix: String
  ) throws {
    #expect(try KeyEnvironment(validating: name, field: "environment") == environment)
    #expect(environment.rawValue == name)
    #expect(environment.keyInfix == infix)
  }

  @Test("No environment's key prefix is a prefix of another's")
  func prefixes() {
    #expect(KeyEnvironment.allCases.count == 3)
    #expect(Set(KeyEnvironment.allCases.map(\.keyInfix)).count == 3)
  }

  @Test(
    "Any other name is rejected with the name of its field",
    arguments: ["", "production", "Production", "PROD", "live", " PRODUCTION", "PRODUCTION\0", "TEST"])
  func invalid(name: String) {
    let failure = #expect(throws: ValidationFailure.self) {
      try KeyEnvironment(validating: name, field: "env")
    }
    #expect(
      failure == ValidationFailure(field: "env", "must be one of PRODUCTION, STAGING, DEVELOPMENT"))
  }
}

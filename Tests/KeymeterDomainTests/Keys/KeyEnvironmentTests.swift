import KeymeterDomain
import Testing

@Suite struct KeyEnvironmentTests {
  @Test(arguments: [
    ("PRODUCTION", KeyEnvironment.production, "live"), ("STAGING", .staging, "stag"),
    ("DEVELOPMENT", .development, "dev"),
  ])
  func `each environment has a name on the wire and one inside a key`(
    name: String, environment: KeyEnvironment, infix: String
  ) throws {
    #expect(try KeyEnvironment(validating: name, field: "environment") == environment)
    #expect(environment.rawValue == name)
    #expect(environment.keyInfix == infix)
  }

  @Test func `there are three, none of whose keys could be taken for another's`() {
    #expect(KeyEnvironment.allCases.count == 3)
    #expect(Set(KeyEnvironment.allCases.map(\.keyInfix)).count == 3)
  }

  @Test(arguments: ["", "production", "Production", "PROD", "live", " PRODUCTION", "PRODUCTION\0", "TEST"])
  func `any other name is refused in the name of its field`(name: String) {
    let failure = #expect(throws: ValidationFailure.self) {
      try KeyEnvironment(validating: name, field: "env")
    }
    #expect(
      failure == ValidationFailure(field: "env", "must be one of PRODUCTION, STAGING, DEVELOPMENT"))
  }
}

public import KeymeterDomain

extension PepperSet {
  /// One pepper that is always the same.
  public static var test: PepperSet {
    get throws { try PepperSet([(id: "test", bytes: Array(repeating: 7, count: 32))]) }
  }
}

extension Label {
  /// A label that a test knows to be right.
  public static func test(_ text: String) throws -> Label { try Label(validating: text, field: "test") }
}

extension IPAddress {
  /// An address that a test knows to be one.
  public static func test(_ text: String) throws -> IPAddress {
    guard let address = IPAddress(text) else { throw ValidationFailure(field: "test", "is no address") }
    return address
  }
}

extension AddressList {
  /// A list of ranges that a test knows to be right.
  public static func test(_ ranges: [String]) throws -> AddressList {
    AddressList(try ranges.map { range in try AddressRange(validating: range, field: "test") })
  }
}

/// An organisation with its root key, as most tests begin.
public struct TestOrganisation: Sendable {
  /// The organisation.
  public let organisation: Organisation
  /// Its first root key.
  public let root: IssuedKey

  /// What its root key presents.
  public var credentials: Credentials { credentials(root.secret) }

  /// What one of its keys presents.
  public func credentials(_ secret: KeySecret) -> Credentials {
    Credentials(secret: secret, provider: organisation.providerID)
  }

  /// Makes an organisation in `store`.
  public static func create(
    _ provider: String, in store: any TenantStore
  ) async throws -> TestOrganisation {
    let service = OrganisationService(store: store, peppers: try .test)
    let (organisation, root) = try await service.create(
      provider: ProviderID(validating: provider), name: .test("Organisation \(provider)"))
    return TestOrganisation(organisation: organisation, root: root)
  }
}

extension RequestID {
  /// The id of a request that a test makes.
  public static let test = RequestID(rawValue: "req_test")
}

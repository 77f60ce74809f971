public import KeymeterDomain

extension PepperSet {
  /// One fixed pepper.
  public static var test: PepperSet {
    get throws { try PepperSet([(id: "test", bytes: Array(repeating: 7, count: 32))]) }
  }
}

extension Label {
  /// A valid label.
  public static func test(_ text: String) throws -> Label { try Label(validating: text, field: "test") }
}

extension IPAddress {
  /// A valid address.
  public static func test(_ text: String) throws -> IPAddress {
    guard let address = IPAddress(text) else { throw ValidationFailure(field: "test", "is no address") }
    return address
  }
}

extension AddressList {
  /// A valid list of ranges.
  public static func test(_ ranges: [String]) throws -> AddressList {
    AddressList(try ranges.map { range in try AddressRange(validating: range, field: "test") })
  }
}

/// An organisation with its root key.
public struct TestOrganisation: Sendable {
  /// The organisation.
  public let organisation: Organisation
  /// Its first root key.
  public let root: IssuedKey

  /// Its root key's credentials.
  public var credentials: Credentials { credentials(root.secret) }

  /// The credentials of one of its keys.
  public func credentials(_ secret: KeySecret) -> Credentials {
    Credentials(secret: secret, provider: organisation.providerID)
  }

  /// Creates an organisation in `store`.
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
  /// A test's request id.
  public static let test = RequestID(rawValue: "req_test")
}

import KeymeterTesting
import Testing

@testable import KeymeterDomain

/// Compares combinations of permissions of a manager and of another key.
@Suite struct KeyPermissionsTests {
  /// One kind of permission: the manager's, the other key's, and the violations.
  struct Row<Value: Sendable>: Sendable {
    let own: Value
    let other: Value
    let excesses: [EscalationViolation]

    init(_ own: Value, _ other: Value, _ excesses: EscalationViolation...) {
      self.own = own
      self.other = other
      self.excesses = excesses
    }
  }

  static let environments: [Row<KeyEnvironment>] = [
    Row(.production, .production), Row(.staging, .staging), Row(.development, .development),
    Row(.production, .staging, .environment), Row(.production, .development, .environment),
    Row(.staging, .production, .environment), Row(.staging, .development, .environment),
    Row(.development, .production, .environment), Row(.development, .staging, .environment),
  ]

  /// Every manager has `apikeys:write`, directly or by a wildcard.
  static let scopes: [Row<[String]>] = [
    Row(["*", "apikeys:write"], ["*"]), Row(["*", "apikeys:write"], ["incidents:*", "apikeys:write"]),
    Row(["apikeys:*"], ["*"], .scope(Scope(stored: "*"))),
    Row(["apikeys:write"], ["apikeys:write"]),
    Row(["apikeys:write"], ["apikeys:*"], .scope(Scope(stored: "apikeys:*"))),
    Row(["apikeys:write"], ["apikeys:read"], .scope(.readKeys)),
    Row(["apikeys:write", "incidents:*"], ["incidents:read"]),
    Row(["apikeys:write", "incidents:*"], ["incidents:notes:*", "incidents:*"]),
    Row(["apikeys:write", "incidents:*"], ["incidents"], .scope(Scope(stored: "incidents"))),
    Row(["apikeys:write", "incidents:read"], ["incidents:*"], .scope(Scope(stored: "incidents:*"))),
    Row(
      ["apikeys:write", "incidents:read"], ["incidents:reads", "incidents:read", "x"],
      .scope(Scope(stored: "incidents:reads")), .scope(Scope(stored: "x"))),
  ]

  /// Seconds from now.
  static let expiries: [Row<Int64?>] = [
    Row(nil, nil), Row(nil, 100), Row(100, 100), Row(100, 99), Row(100, 101, .expiry), Row(100, nil, .expiry),
  ]

  static func limits(of dimension: Dimension) -> [Row<Int64?>] {
    [
      Row(nil, nil), Row(nil, 5), Row(5, 5), Row(5, 0), Row(0, 0), Row(5, 6, .limit(dimension)),
      Row(0, 1, .limit(dimension)), Row(5, nil, .limit(dimension)), Row(0, nil, .limit(dimension)),
    ]
  }

  /// A manager, another key, and the violations.
  struct Point: Sendable {
    let manager: KeyDraft
    let other: KeyDraft
    let excesses: [EscalationViolation]
  }

  /// All combinations of scopes, expiries and limits, with the three limits shifted against each other.
  static func points(_ environment: Row<KeyEnvironment>, at now: Timestamp) throws -> [Point] {
    var points: [Point] = []
    for (turn, scopes) in scopes.enumerated() {
      for expiry in expiries {
        for row in 0..<9 {
          var (own, other) = (MonthlyLimits.unrestricted, MonthlyLimits.unrestricted)
          var excesses = environment.excesses + scopes.excesses + expiry.excesses
          for (shift, dimension) in Dimension.allCases.enumerated() {
            let limit = limits(of: dimension)[(row + shift * turn) % 9]
            (own[dimension], other[dimension]) = (limit.own, limit.other)
            excesses += limit.excesses
          }
          points.append(
            Point(
              manager: draft(try .test("Manager"), environment.own, scopes.own, expiry.own, own, at: now),
              other: draft(try .test("Other"), environment.other, scopes.other, expiry.other, other, at: now),
              excesses: excesses))
        }
      }
    }
    return points
  }

  private static func draft(
    _ name: Label, _ environment: KeyEnvironment, _ scopes: [String], _ expiry: Int64?,
    _ limits: MonthlyLimits, at now: Timestamp
  ) -> KeyDraft {
    KeyDraft(
      friendlyName: name, limits: limits, environment: environment, scopes: scopes.map(Scope.init(stored:)),
      expiresAt: expiry.map { now.advanced(bySeconds: $0) })
  }

  @Test("A key can only grant and manage what it holds itself", arguments: environments.indices)
  func escalation(environment: Int) throws {
    for point in try Self.points(Self.environments[environment], at: TestClock().now) {
      let own = KeyPermissions(asked: point.manager)
      #expect(own.excesses(of: KeyPermissions(asked: point.other)) == point.excesses, "\(point)")
    }
  }

  @Test("A key can only grant addresses that it is allowed from")
  func addresses() throws {
    func permissions(_ ranges: [String]?) throws -> KeyPermissions {
      KeyPermissions(
        asked: KeyDraft(
          friendlyName: try .test("Key"), allowedAddresses: try ranges.map { try .test($0) }))
    }
    let own = try permissions(["10.0.0.0/8"])
    #expect(try own.excesses(of: permissions(["10.1.0.0/16"])).isEmpty)
    #expect(try own.excesses(of: permissions(["10.1.0.0/16", "11.0.0.0/8"])) == [.addresses])
    #expect(try own.excesses(of: permissions(nil)) == [.addresses])
    #expect(try permissions(nil).excesses(of: own).isEmpty)
  }

  @Test("A root key has no bounds, and only a root key manages root keys")
  func rootKeys() async throws {
    let scene = try await Scene()
    let root = Caller(scene.home.root.key)
    let child = Caller(try await scene.child().key)
    try root.requireAuthority(toIssue: KeyDraft(friendlyName: .test("Free"), environment: .staging))
    try root.requireAuthority(over: child.key)
    #expect(throws: Rejection.rootKeyProtected) { try child.requireAuthority(over: root.key) }
  }
}

extension Caller {
  /// A caller with this key, which has used nothing.
  init(_ key: APIKey) {
    self.init(
      PresentedKey(key: key, secretHasEnded: false, isSuperseded: false, used: .zero, readAt: key.createdAt),
      requestID: .test)
  }
}

import KeymeterDomain
import KeymeterTesting
import Testing

/// Walks everything that one key may have beside everything that it asks for, or manages, in another.
@Suite struct KeyPermissionsTests {
  /// One respect: what the manager has, what the other key has or is to have, and what stands against it.
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

  /// Every manager holds `apikeys:write` in one way or another.
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

  /// One point of the lattice: a manager, another key, and what stands against it.
  struct Point: Sendable {
    let manager: KeyDraft
    let other: KeyDraft
    let excesses: [EscalationViolation]
  }

  /// The respects in pairs with every row of the others, the three limits moving against one another.
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

  @Test(arguments: environments.indices)
  func `a manager issues and manages what it could itself have been, and nothing beyond`(
    environment: Int
  ) async throws {
    let now = TestClock().now
    for point in try Self.points(Self.environments[environment], at: now) {
      let scene = try await Scene()
      let manager = Credentials(secret: try await scene.issue(point.manager).secret)
      let target = try await scene.issue(point.other).key
      let logged = scene.store.auditLog.count
      var outcomes: [[EscalationViolation]] = []
      outcomes.append(try await excesses { _ = try await scene.issue(point.other, by: manager) })
      outcomes.append(try await excesses { _ = try await scene.rotate(target.id, by: manager) })
      outcomes.append(try await excesses { _ = try await scene.revoke(target.id, by: manager) })
      outcomes.append(try await excesses { try await scene.deleteAny(target.id, by: manager) })
      #expect(outcomes == Array(repeating: point.excesses, count: 4), "\(point)")
      guard !point.excesses.isEmpty else { continue }
      #expect(scene.store.auditLog.count == logged)
      #expect(try await scene.allKeys().contains(target))
    }
  }

  /// What was said to stand against a change; nothing where it was made.
  private func excesses(_ body: () async throws -> Void) async throws -> [EscalationViolation] {
    do {
      try await body()
      return []
    } catch Rejection.beyondOwnAuthority(let excesses) {
      #expect(!excesses.isEmpty)
      return excesses
    }
  }

  @Test(arguments: [
    (["apikeys:write"], true), (["apikeys:*"], true), (["*"], false), (["apikeys:read"], false),
    (["incidents:*"], false), (["apikeys:writer"], false), (["apikeys"], false),
  ])
  func `managing needs a root key or the scope for it`(scopes: [String], may: Bool) async throws {
    let scene = try await Scene()
    let draft = KeyDraft(friendlyName: try .test("Manager"), scopes: scopes.map(Scope.init(stored:)))
    let manager = Credentials(secret: try await scene.issue(draft).secret)
    let target = try await scene.issue(draft).key.id
    let changes: [() async throws -> Void] = [
      { _ = try await scene.issue(draft, by: manager) },
      { _ = try await scene.rotate(target, by: manager) },
      { _ = try await scene.revoke(target, by: manager) },
      { try await scene.deleteAny(target, by: manager) },
    ]
    for change in changes {
      do {
        try await change()
        #expect(may)
      } catch Rejection.scopeRequired(let scope) {
        #expect(!may && scope == .writeKeys)
      }
    }
  }

  @Test func `a manager, whatever it holds, touches no root key`() async throws {
    let scene = try await Scene()
    let manager = Credentials(secret: try await scene.child(scopes: [.writeKeys]).secret)
    let root = try await scene.secondRoot()
    let logged = scene.store.auditLog.count
    for id in [root.key.id, scene.home.root.key.id] {
      await #expect(throws: Rejection.rootKeyProtected) { try await scene.rotate(id, by: manager) }
      await #expect(throws: Rejection.rootKeyProtected) { try await scene.revoke(id, by: manager) }
      await #expect(throws: Rejection.rootKeyProtected) { try await scene.deleteAny(id, by: manager) }
    }
    #expect(scene.store.auditLog.count == logged)
  }

  @Test func `what a manager issues is no root key`() async throws {
    let scene = try await Scene()
    let manager = Credentials(secret: try await scene.child(scopes: [.writeKeys]).secret)
    #expect(try await !scene.issue(KeyDraft(friendlyName: .test("Till")), by: manager).key.root)
  }

  @Test func `a manager rotates, revokes and deletes itself`() async throws {
    let scene = try await Scene()
    for end in [0, 1] {
      let key = try await scene.child(limits: .init(tokens: 1), expiresIn: 60, scopes: [.writeKeys])
      let rotated = try await scene.rotate(key.key.id, by: Credentials(secret: key.secret))
      let own = Credentials(secret: rotated.secret)
      if end == 0 { _ = try await scene.revoke(key.key.id, by: own) }
      if end == 1 { try await scene.deleteAny(key.key.id, by: own) }
      #expect(try await !scene.authenticates(rotated.secret))
    }
  }

  @Test func `a root key goes by no bounds`() async throws {
    let scene = try await Scene()
    _ = try await scene.update(scene.home.root.key.id, requests: .set(1))
    let draft = KeyDraft(friendlyName: try .test("Free"), environment: .staging)
    let issued = try await scene.issue(draft)
    _ = try await scene.rotate(issued.key.id)
  }

  @Test func `without a provider the organisation follows from the key`() async throws {
    let scene = try await Scene()
    for organisation in [scene.home, scene.neighbour] {
      let own = try await scene.keys.ownKey(
        Credentials(secret: organisation.root.secret), requestID: .test)
      #expect(own.id == organisation.root.key.id)
    }
    var random = RandomSource.seeded(99)
    let unknown = Credentials(secret: KeySecret(environment: .production, random: &random))
    await #expect(throws: Rejection.notAuthentic) {
      try await scene.keys.ownKey(unknown, requestID: .test)
    }
  }
}

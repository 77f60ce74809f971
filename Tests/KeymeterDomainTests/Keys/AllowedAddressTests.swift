import KeymeterDomain
import KeymeterTesting
import Testing

@Suite struct AllowedAddressTests {
  private let list = ["10.0.0.0/8", "2001:db8::/32"]

  /// A manager's credentials as presented from an address.
  private func manager(
    _ scene: Scene, allowed: [String]?, from address: String?
  ) async throws -> Credentials {
    let draft = KeyDraft(
      friendlyName: try .test("Manager"), scopes: [.everything, .writeKeys],
      allowedAddresses: try allowed.map { try .test($0) })
    return Credentials(
      secret: try await scene.issue(draft).secret, address: try address.map { try .test($0) })
  }

  private func draft(_ allowed: [String]?) throws -> KeyDraft {
    KeyDraft(friendlyName: try .test("Till"), allowedAddresses: try allowed.map { try .test($0) })
  }

  @Test(arguments: ["11.0.0.1", "2001:db9::1", nil])
  func `a key manages nothing from elsewhere, and nothing is written`(address: String?) async throws {
    let scene = try await Scene()
    let elsewhere = try await manager(scene, allowed: list, from: address)
    let target = try await scene.issue(draft(list)).key
    let (keys, logged) = (try await scene.allKeys(), scene.store.auditLog.count)
    let calls: [() async throws -> Void] = [
      { _ = try await scene.keys.ownKey(elsewhere, requestID: .test) },
      { _ = try await scene.keys.allKeys(elsewhere, requestID: .test) },
      { _ = try await scene.keys.page(.success(KeyListing()), by: elsewhere, requestID: .test) },
      { _ = try await scene.issue(draft(list), by: elsewhere) },
      {
        _ = try await scene.keys.update(.success(KeyUpdate(id: target.id)), by: elsewhere, requestID: .test)
      },
      { _ = try await scene.rotate(target.id, by: elsewhere) },
      { _ = try await scene.revoke(target.id, by: elsewhere) },
      { try await scene.deleteAny(target.id, by: elsewhere) },
      { try await scene.keys.refuse(Rejection.keyNotFound, to: elsewhere, requestID: .test) },
    ]
    for call in calls { await #expect(throws: Rejection.addressNotAllowed) { try await call() } }
    #expect(try await scene.allKeys() == keys)
    #expect(scene.store.auditLog.count == logged)
  }

  @Test func `from inside it manages as any other`() async throws {
    let scene = try await Scene()
    for address in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"] {
      let inside = try await manager(scene, allowed: list, from: address)
      let issued = try await scene.issue(draft(["10.1.0.0/16"]), by: inside).key
      _ = try await scene.rotate(issued.id, by: inside)
      _ = try await scene.revoke(issued.id, by: inside)
      try await scene.deleteAny(issued.id, by: inside)
    }
  }

  @Test(
    arguments: [
      (["10.0.0.0/8"], true), (["10.1.0.0/16", "2001:db8::7"], true), (nil, false), (["0.0.0.0/0"], false),
      (["10.0.0.0/7"], false), (["10.0.0.0/8", "192.0.2.1"], false),
    ] as [([String]?, Bool)])
  func `a manager issues and manages no key that may be used from where it may not`(
    allowed: [String]?, may: Bool
  ) async throws {
    let scene = try await Scene()
    let inside = try await manager(scene, allowed: list, from: "10.0.0.1")
    let target = try await scene.issue(draft(allowed)).key
    let changes: [() async throws -> Void] = [
      { _ = try await scene.issue(draft(allowed), by: inside) },
      { _ = try await scene.rotate(target.id, by: inside) },
      { _ = try await scene.revoke(target.id, by: inside) },
      { try await scene.deleteAny(target.id, by: inside) },
    ]
    for change in changes {
      if may {
        try await change()
      } else {
        await #expect(throws: Rejection.beyondOwnAuthority([.addresses])) { try await change() }
      }
    }
    let free = try await manager(scene, allowed: nil, from: nil)
    _ = try await scene.issue(draft(allowed), by: free)
  }

  @Test func `an update sets, leaves and clears the list, and the log names it`() async throws {
    let scene = try await Scene()
    let child = try await scene.child().key
    func update(_ change: AddressListChange) async throws -> APIKey {
      try await scene.keys.update(
        .success(KeyUpdate(id: child.id, allowedAddresses: change)), by: scene.home.credentials,
        requestID: .test)
    }
    let logged = scene.store.auditLog.count
    #expect(try await update(.set(.test(list))).allowedAddresses == .test(list))
    #expect(try await update(.unchanged).allowedAddresses == .test(list))
    #expect(try await scene.rotate(child.id).key.allowedAddresses == .test(list))
    #expect(try await update(.cleared).allowedAddresses == nil)
    let entries = scene.log(since: logged).filter { $0.action == .keyUpdated }
    #expect(
      entries.map(\.changes) == [
        [FieldChange("allowed_cidrs", from: nil, to: .list(list))],
        [FieldChange("allowed_cidrs", from: .list(list), to: nil)],
      ])
  }

  @Test func `a root key can't shut itself out`() async throws {
    let scene = try await Scene()
    let root = scene.home.root
    let update = KeyUpdate(id: root.key.id, allowedAddresses: .set(try .test(list)))
    for address in ["11.0.0.1", nil] {
      let elsewhere = Credentials(secret: root.secret, address: try address.map { try .test($0) })
      await #expect(throws: ValidationFailure.self) {
        try await scene.keys.update(.success(update), by: elsewhere, requestID: .test)
      }
    }
    let inside = Credentials(secret: root.secret, address: try .test("10.0.0.1"))
    #expect(
      try await scene.keys.update(.success(update), by: inside, requestID: .test).allowedAddresses
        == .test(list))
    let elsewhere = Credentials(secret: root.secret, address: try .test("11.0.0.1"))
    await #expect(throws: Rejection.addressNotAllowed) {
      try await scene.keys.ownKey(elsewhere, requestID: .test)
    }
  }
}

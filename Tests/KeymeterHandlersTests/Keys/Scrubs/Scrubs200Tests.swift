import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 200: reading and deleting keys")
struct Scrubs200Tests {
  @Test("GET returns the caller's own key, for root and child keys")
  func ownKey() async throws {
    let service = try await Service()
    let child = try await service.child()
    for issued in [service.home.root, child] {
      let answer = try await service.send(.scrubs(.get, by: service.home.credentials(issued.secret)))
      #expect(answer.status == 200)
      #expect(try answer.text("id") == issued.key.id.rawValue)
      #expect(try answer.object["root"] == .bool(issued.key.root))
      #expect(try answer.text("key_hint") == issued.secret.hint)
    }
  }

  @Test("list_all=false equals its absence, for a child key too")
  func listAllFalse() async throws {
    let service = try await Service()
    let credentials = service.home.credentials(try await service.child().secret)
    // The first call sets the last use, which the second one shows.
    _ = try await service.send(.scrubs(.get, by: credentials))
    let plain = try await service.send(.scrubs(.get, by: credentials))
    for query in ["?list_all=false", "?", "?other=1", "?List_All=true", "?list_all=%66alse"] {
      let answer = try await service.send(.scrubs(.get, query: query, by: credentials))
      #expect(answer.status == 200)
      #expect(answer.bytes == plain.bytes, "\(query)")
    }
  }

  @Test("list_all=true returns all keys of the organisation by id, including root keys, and no others")
  func listAll() async throws {
    let service = try await Service()
    let child = try await service.child(limits: MonthlyLimits(requests: 0))
    let second = try await service.secondRoot()
    _ = try await service.child(of: service.neighbour)
    let answer = try await service.asRoot(.get, query: "?list_all=true")
    #expect(answer.status == 200)
    let expected = [service.home.root, child, second].map(\.key.id.rawValue)
    let listing = try answer.object
    #expect(listing.names.sorted() == expected.sorted())
    for member in listing.members {
      guard case .object(let metadata) = member.value else { throw NotAnObject() }
      #expect(metadata["id"] == .string(member.name))
      #expect(metadata.names == Metadata.names)
    }
  }

  @Test("A key has the same metadata in the list as on its own")
  func listingAgrees() async throws {
    let service = try await Service()
    let child = try await service.child(limits: MonthlyLimits(requests: 5), linkage: "Clinic 7")
    let call = Call.scrubs(.get, by: service.home.credentials(child.secret))
    _ = try await service.send(call)
    let own = try await service.send(call)
    let listing = try await service.asRoot(.get, query: "?list_all=true")
    #expect(try listing.object[child.key.id.rawValue] == .object(own.object))
  }

  @Test("A percent-encoded query is decoded")
  func encodedQuery() async throws {
    let service = try await Service()
    let answer = try await service.asRoot(.get, query: "?list%5Fall=%74rue")
    #expect(try answer.object.names == [service.home.root.key.id.rawValue])
  }

  @Test("An expired key is still listed, as EXPIRED")
  func expiredIsListed() async throws {
    let service = try await Service()
    let child = try await service.child(expiresIn: 60)
    service.clock.advance(seconds: 60)
    let listing = try await service.asRoot(.get, query: "?list_all=true").object
    guard case .object(let metadata)? = listing[child.key.id.rawValue] else { throw NotAnObject() }
    #expect(metadata["status"] == .string("EXPIRED"))
    #expect(metadata["expires_at"] == .string("2024-01-15T10:31:00Z"))
  }

  @Test("DELETE returns the reference's message only, and the key is gone at once")
  func delete() async throws {
    let service = try await Service()
    let child = try await service.child()
    let credentials = service.home.credentials(child.secret)
    #expect(try await service.send(.scrubs(.get, by: credentials)).status == 200)
    let answer = try await service.asRoot(.delete, query: "?id=\(child.key.id.rawValue)")
    #expect(answer.status == 200)
    #expect(answer.text == #"{"message":"API key deleted successfully"}"#)
    #expect(answer.headers[.contentType] == "application/json")
    #expect(answer.headers[.cacheControl] == "no-store")
    #expect(try await service.send(.scrubs(.get, by: credentials)).status == 401)
    #expect(try await service.keysOfHome().map(\.id) == [service.home.root.key.id])
    let again = try await service.asRoot(.delete, query: "?id=\(child.key.id.rawValue)")
    #expect(again.status == 404)
  }

  @Test("An expired key can be deleted")
  func deleteExpired() async throws {
    let service = try await Service()
    let child = try await service.child(expiresIn: 60)
    service.clock.advance(seconds: 61)
    #expect(try await service.asRoot(.delete, query: "?id=\(child.key.id.rawValue)").status == 200)
  }

  @Test("HEAD answers like GET without the body")
  func head() async throws {
    let service = try await Service()
    _ = try await service.asRoot(.get)
    let get = try await service.asRoot(.get)
    let head = try await service.asRoot(.head)
    #expect(head.status == 200)
    #expect(head.bytes.isEmpty)
    #expect(head.headers[.contentLength] == "\(get.bytes.count)")
    #expect(head.headers[.contentType] == "application/json")
  }

  @Test(
    "list_all returns one object, even if the keys are read in several pages", arguments: [-1, 0, 1, 1_001])
  func listAllInPages(beyond: Int) async throws {
    let service = try await Service()
    let count = KeyService.longestPage + beyond
    try await service.store.fill(service.home.organisation.id, upTo: count)
    let answer = try await service.asRoot(.get, query: "?list_all=true")
    #expect(answer.status == 200 && answer.headers[values: .cacheControl] == ["no-store"])
    let members = try answer.object.members
    #expect(members.count == count && Set(members.map(\.name)).count == count)
    for member in members {
      guard case .object(let metadata) = member.value else { throw NotAnObject() }
      #expect(metadata.text("id") == member.name)
    }
    let head = try await service.asRoot(.head, query: "?list_all=true")
    #expect(head.status == 200 && head.bytes.isEmpty)
  }

  @Test("A listing that fails midway is aborted instead of ended")
  func listAllBrokenOff() async throws {
    let service = try await Service()
    try await service.store.fill(service.home.organisation.id, upTo: 2 * KeyService.longestPage)
    // The first page is read and the second is not.
    service.store.fail(with: StoreError.unavailable(reason: "gone"), after: 1)
    await #expect(throws: StoreError.self) { _ = try await service.asRoot(.get, query: "?list_all=true") }
  }
}

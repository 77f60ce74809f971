import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 400: provider and query")
struct Scrubs400Tests {
  @Test(
    "An unknown provider gets 400", arguments: ScrubsOperation.allCases,
    [
      "unknown", "HOME", "home2", "home,home", "home, home", "\"home\"", "ho me", "hôme", "home\tx",
      "../home",
      "*", "%68ome",
      String(repeating: "p", count: 5000),
    ])
  func unknownProvider(operation: ScrubsOperation, provider: String) async throws {
    let service = try await Service()
    let call = operation.call(by: service.home.credentials, on: service.home.root.key.id)
    let answer = try await service.send(call.with(.providerHeader, provider))
    try expectProblem(
      answer, 400, code: "provider_invalid", title: "Provider ID is invalid.",
      fields: ["X-Scrubs-Clinic-Provider"])
  }

  @Test("A deleted organisation's provider is unknown")
  func deletedOrganisation() async throws {
    let service = try await Service()
    try await service.organisations.delete(service.home.organisation.providerID)
    try expectProblem(
      try await service.asRoot(.get), 400, code: "provider_invalid", title: "Provider ID is invalid.")
  }

  @Test(
    "list_all must be true or false",
    arguments: [
      "=True", "=TRUE", "=1", "=0", "=", "", "=yes", "=true+", "=%20true", "=true%00", "=true,false",
      "=tru%C4%99",
      "==true", "=null",
    ])
  func listAllValue(suffix: String) async throws {
    let service = try await Service()
    let child = service.home.credentials(try await service.child().secret)
    for credentials in [service.home.credentials, child] {
      let answer = try await service.send(.scrubs(.get, query: "?list_all\(suffix)", by: credentials))
      try expectProblem(answer, 400, code: "query_invalid", fields: ["list_all"])
    }
  }

  @Test(
    "A repeated list_all is rejected, even with equal values",
    arguments: [
      "?list_all=true&list_all=true", "?list_all=false&x=1&list_all=true", "?list_all&list%5Fall=true",
    ])
  func listAllRepeated(query: String) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(.get, query: query)
    try expectProblem(answer, 400, code: "query_invalid", fields: ["list_all"])
  }

  @Test("DELETE requires an id", arguments: ["", "?", "?id", "?id=", "?ID=x", "?key=x", "?%69d=", "?x=id"])
  func idMissing(query: String) async throws {
    let service = try await Service()
    let answer = try await service.asRoot(.delete, query: query)
    try expectProblem(answer, 400, code: "key_id_missing", title: "API key ID is missing.", fields: ["id"])
  }

  @Test("DELETE with two ids is rejected and deletes neither key")
  func idRepeated() async throws {
    let service = try await Service()
    let id = try await service.child().key.id.rawValue
    let other = try await service.child().key.id.rawValue
    for query in ["?id=\(id)&id=\(id)", "?id=\(id)&id=\(other)", "?id=\(id)&id=", "?id=&%69d=\(id)"] {
      let answer = try await service.asRoot(.delete, query: query)
      try expectProblem(answer, 400, code: "query_invalid", fields: ["id"])
    }
    #expect(try await service.keysOfHome().count == 3)
  }

  @Test("DELETE ignores an id in the body")
  func idInBody() async throws {
    let service = try await Service()
    let child = try await service.child()
    let answer = try await service.asRoot(.delete, json: #"{"id":"\#(child.key.id.rawValue)"}"#)
    try expectProblem(answer, 400, code: "key_id_missing", title: "API key ID is missing.")
    #expect(try await service.keysOfHome().count == 2)
  }

  @Test(
    "A query with invalid percent-encoding or UTF-8 is rejected",
    arguments: [
      "?%", "?a=%", "?a=%4", "?a=%zz", "?a=%4g", "?a=%FF", "?%C3=1", "?a=%ED%A0%80", "?a=%C0%80", "?a=%+1",
    ])
  func brokenEncoding(query: String) async throws {
    let service = try await Service()
    for method in [HTTPRequest.Method.get, .delete] {
      let answer = try await service.asRoot(method, query: query)
      try expectProblem(answer, 400, code: "query_invalid", fields: [""])
    }
  }
}

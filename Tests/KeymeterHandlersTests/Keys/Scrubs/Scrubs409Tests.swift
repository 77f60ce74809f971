import HTTPTypes
import KeymeterDomain
import KeymeterTesting
import Testing

@testable import KeymeterHandlers

@Suite("Scrubs 409: a conflicting managed key already exists")
struct Scrubs409Tests {
  @Test(
    "A linkage id in use gets 409 under either name, after trimming", arguments: ["linkage_id", "clinic_id"])
  func taken(field: String) async throws {
    let service = try await Service()
    _ = try await service.child(linkage: "Clinic 7")
    for text in ["Clinic 7", "  Clinic 7\\t"] {
      let answer = try await service.asRoot(.post, json: #"{"friendly_name":"T","\#(field)":"\#(text)"}"#)
      try expectProblem(
        answer, 409, code: "linkage_taken", title: "A conflicting managed key already exists.")
    }
    #expect(try await service.keysOfHome().count == 2)
  }

  @Test("A root key's linkage id and a generated one are in use too")
  func takenAutomatically() async throws {
    let service = try await Service()
    for key in [service.home.root.key, try await service.child().key] {
      let answer = try await service.asRoot(
        .post, json: #"{"friendly_name":"T","linkage_id":"\#(key.linkageID.rawValue)"}"#)
      try expectProblem(
        answer, 409, code: "linkage_taken", title: "A conflicting managed key already exists.")
    }
  }

  @Test("Another organisation's linkage id or one that differs in case is no conflict")
  func noConflict() async throws {
    let service = try await Service()
    _ = try await service.child(linkage: "Clinic 7", of: service.neighbour)
    for text in ["Clinic 7", "clinic 7"] {
      let answer = try await service.asRoot(.post, json: #"{"friendly_name":"T","linkage_id":"\#(text)"}"#)
      #expect(answer.status == 201)
    }
  }

  @Test("A deleted key's linkage id is free again, and an expired key's is not")
  func freed() async throws {
    let service = try await Service()
    let body = #"{"friendly_name":"T","linkage_id":"Clinic 7"}"#
    let child = try await service.child(linkage: "Clinic 7", expiresIn: 60)
    service.clock.advance(seconds: 61)
    #expect(try await service.asRoot(.post, json: body).status == 409)
    #expect(try await service.asRoot(.delete, query: "?id=\(child.key.id.rawValue)").status == 200)
    #expect(try await service.asRoot(.post, json: body).status == 201)
  }
}

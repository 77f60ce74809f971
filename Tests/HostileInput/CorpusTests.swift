import HTTPTypes
import Testing

/// Every text and value of the corpus, in every place of every call.
///
/// Each has broken something before.
@Suite("Hostile input: the corpus", .timeLimit(.minutes(10)))
struct CorpusTests {
  @Test("Any value in any member of a body gets a well-formed response", arguments: HostileCall.allCases)
  func members(call: HostileCall) async throws {
    try await HostileService.withModel { service in
      let id = service.caller.targets[0]
      guard let members = call.members(id) else { return }
      for index in members.indices {
        let isText = members[index].value.hasPrefix("\"") || members[index].value.hasPrefix("[")
        let texts = isText ? HostileText.all.map(HostileJSON.string) : []
        for value in HostileJSON.values + texts {
          var request = call.request(of: service.caller, on: id)
          var changed = members
          changed[index].value = value
          request.body = HostileCall.object(changed)
          _ = try await service.attack(request, members[index].name)
        }
      }
    }
  }

  @Test("Any body, and any name of a member, gets a well-formed response", arguments: HostileCall.allCases)
  func bodies(call: HostileCall) async throws {
    try await HostileService.withModel { service in
      let id = service.caller.targets[0]
      guard let members = call.members(id) else { return }
      let named = HostileText.all.map { HostileCall.object(members + [(name: $0, value: "1")]) }
      for body in HostileJSON.bodies + named {
        var request = call.request(of: service.caller, on: id)
        request.body = body
        _ = try await service.attack(request, "body")
      }
    }
  }

  @Test(
    "Any text as a parameter's value, or as another parameter, gets a well-formed response",
    arguments: HostileCall.allCases)
  func queries(call: HostileCall) async throws {
    try await HostileService.withModel { service in
      let id = service.caller.targets[0]
      for bytes in HostileText.all.map({ Array($0.utf8) }) + HostileBytes.pieces {
        let text = HostileRequest.encoded(bytes)
        var request = call.request(of: service.caller, on: id)
        let honest = request.query
        for (name, _) in call.query(id) {
          request.query = "\(name)=\(text)"
          _ = try await service.attack(request, name)
        }
        request.query = honest + "&\(text)=\(text)"
        _ = try await service.attack(request, "another parameter")
      }
    }
  }

  @Test(
    "Any text in any header, once or twice, gets a well-formed response",
    arguments: [
      ("X-API-Key", [HostileCall.scrubbeList, .verify]), ("X-Scrubs-Clinic-Api-Key", [.own]),
      ("X-Scrubs-Clinic-Provider", [.own]), ("X-Request-Id", [.usage, .verify]),
      ("Idempotency-Key", [.create, .scrubbeCreate, .record]), ("Content-Type", [.create, .rotate]),
      ("Content-Length", [.reserve]), ("X-Keymeter-Charge", [.verifySubpath]),
      ("X-Keymeter-Require-Scope", [.verifySubpath]), ("X-Keymeter-Require-Environment", [.verifySubpath]),
    ])
  func headers(name: String, calls: [HostileCall]) async throws {
    try await HostileService.withModel { service in
      for call in calls {
        for bytes in HostileText.all.map({ Array($0.utf8) }) + HostileBytes.pieces {
          var request = call.request(of: service.caller, on: service.caller.targets[0])
          let field = HTTPField(name: .hostile(name), lenientValue: bytes)
          request.headers[fields: field.name] = [field]
          _ = try await service.attack(request, name)
          request.headers.append(field)
          _ = try await service.attack(request, name)
        }
      }
    }
  }

  @Test(
    "Any text as the id in a path gets a well-formed response",
    arguments: HostileCall.allCases.filter(\.namesKeyInPath))
  func paths(call: HostileCall) async throws {
    try await HostileService.withModel { service in
      for bytes in HostileText.all.map({ Array($0.utf8) }) + HostileBytes.pieces {
        for id in [HostileRequest.encoded(bytes), String(decoding: bytes, as: UTF8.self)] {
          _ = try await service.attack(call.request(of: service.caller, on: id), "path")
        }
      }
    }
  }

  @Test("PostgreSQL accepts everything that the handlers accept", arguments: HostileCall.allCases)
  func postgres(call: HostileCall) async throws {
    try await HostileService.withPostgres { service in
      for text in HostileText.forStores {
        let id = service.caller.targets.randomElement() ?? ""
        var request = call.request(
          of: service.caller, on: call.namesKeyInPath ? HostileRequest.encoded(text.utf8) : id)
        if let members = call.members(id) {
          request.body = HostileCall.object(members.map { ($0.name, HostileJSON.string(text)) })
        }
        request.query = call.query(id).map { "\($0.name)=\(HostileRequest.encoded(text.utf8))" }.joined(
          separator: "&")
        request.headers[.hostile("Idempotency-Key")] = text
        _ = try await service.attack(request, "all at once")
        // One place at a time, so that no other fault keeps the text from the database.
        for (index, member) in (call.members(id) ?? []).enumerated() {
          var members = call.members(id) ?? []
          members[index].value = HostileJSON.string(text)
          request = call.request(of: service.caller, on: id)
          request.body = HostileCall.object(members)
          _ = try await service.attack(request, member.name)
        }
        for (name, _) in call.query(id) {
          request = call.request(of: service.caller, on: id)
          request.query = "\(name)=\(HostileRequest.encoded(text.utf8))"
          _ = try await service.attack(request, name)
        }
      }
    }
  }
}

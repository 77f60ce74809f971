import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Reading the audit log", .timeLimit(.minutes(10)))
struct AuditConformance {
  @Test(
    "An audit entry is read back as it was written, with values of every kind", arguments: Backend.allCases)
  func values(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let entry = under.entry(
        of: clinic, 1,
        changes: [
          FieldChange("a", from: nil, to: .text("Née \"🔑\" \\ \u{1}")),
          FieldChange("b", from: .number(.max), to: .number(0)),
          FieldChange("c", from: .boolean(true), to: .boolean(false)),
          FieldChange("d", from: .list(["*", "a:b"]), to: nil),
          FieldChange("e", from: .list([]), to: .text("1")),
        ])
      try await under.entered(clinic.organisation.id) { try await $0.append(entry) }
      let record = try #require(try await under.audit(clinic, AuditQuery(limit: 1)).first)
      #expect(record.principal == entry.principal)
      #expect(record.action == "key.updated" && record.target == "key_1")
      #expect(record.requestID == .test)
      #expect(record.changes == entry.changes)
      #expect(record.occurredAt >= clinic.organisation.createdAt)
    }
  }

  @Test("Paging skips and repeats no entry", arguments: Backend.allCases, [1, 3, 7, 200])
  func pages(backend: Backend, limit: Int64) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let other = try await TestOrganisation.create("other", in: under.operatorStore)
      for number in 0..<7 { for one in [clinic, other] { try await under.append(one, number) } }
      let all = try await under.audit(clinic, AuditQuery(limit: 200))
      #expect(all.count == 9)
      #expect(all.map(\.target).prefix(7) == ["key_6", "key_5", "key_4", "key_3", "key_2", "key_1", "key_0"])
      #expect(zip(all, all.dropFirst()).allSatisfy { $0.id > $1.id && $0.occurredAt >= $1.occurredAt })
      var read: [AuditRecord] = []
      var query = AuditQuery(limit: limit)
      while true {
        let page = try await under.audit(clinic, query)
        guard let last = page.last else { break }
        read += page
        query = query.continuing(before: last.id)
        try await under.append(clinic, 99)
      }
      #expect(read == all)
    }
  }

  @Test("Action, target and time filter the log", arguments: Backend.allCases)
  func filters(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      for number in [1, 2, 1] { try await under.append(clinic, number) }
      #expect(try await under.audit(clinic, AuditQuery(target: "key_1")).count == 2)
      #expect(try await under.audit(clinic, AuditQuery(action: .keyCreated)).count == 1)
      #expect(try await under.audit(clinic, AuditQuery(action: .keyCreated, target: "key_1")).isEmpty)
      let all = try await under.audit(clinic, AuditQuery())
      let since = try await under.audit(clinic, AuditQuery(since: all[2].occurredAt))
      #expect(since == all.filter { $0.occurredAt >= all[2].occurredAt } && since.count >= 3)
      #expect(
        try await under.audit(clinic, AuditQuery(since: all[0].occurredAt.advanced(bySeconds: 1))).isEmpty)
    }
  }

  @Test(
    "An organisation reads only its own log, and the log outlives the organisation",
    arguments: Backend.allCases)
  func tenants(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let other = try await TestOrganisation.create("other", in: under.operatorStore)
      let organisations = OrganisationService(store: under.operatorStore, peppers: try under.peppers)
      try await organisations.delete(clinic.organisation.providerID)
      let gone = try await organisations.audit(
        ProviderID(validating: clinic.organisation.id.rawValue), AuditQuery())
      #expect(gone.records.map(\.action) == ["organisation.deleted", "key.created", "organisation.created"])
      await #expect(throws: Rejection.organisationNotFound) {
        _ = try await organisations.audit(clinic.organisation.providerID, AuditQuery())
      }
      let kept = try await organisations.audit(other.organisation.providerID, AuditQuery())
      #expect(kept.records.map(\.target) == [other.root.key.id.rawValue, other.organisation.id.rawValue])
    }
  }

  // The in-memory store runs one transaction at a time.
  @Test(
    "Entries become visible in id order, whichever transaction commits first",
    arguments: [Backend.postgres])
  func order(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let other = try await TestOrganisation.create("other", in: under.operatorStore)
      let second = try await under.entered(clinic.organisation.id) { transaction in
        try await transaction.append(under.entry(of: clinic, 1))
        let second = Task { try await under.append(clinic, 2) }
        try await under.append(other, 3)
        // Time for the second transaction to commit first if nothing blocked it.
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await under.audit(clinic, AuditQuery()).count == 2, "both entries are still invisible")
        return second
      }
      try await second.value
      #expect(try await under.audit(clinic, AuditQuery()).map(\.target).prefix(2) == ["key_2", "key_1"])
    }
  }

  @Test(
    "A reader that polls for new entries misses none while many writers append",
    arguments: Backend.allCases)
  func tail(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let writers = Task {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for writer in 0..<6 {
            group.addTask {
              for number in 0..<20 { try await under.append(clinic, writer * 100 + number) }
            }
          }
          try await group.waitForAll()
        }
      }
      var newest: Int64 = 0
      var seen: Set<Int64> = []
      while seen.count < 122 {
        try Task.checkCancellation()
        let records = try await under.audit(clinic, AuditQuery(limit: 200))
        let late = records.filter { $0.id < newest && !seen.contains($0.id) }
        #expect(late.isEmpty, "became visible after a newer entry")
        guard late.isEmpty else { break }
        seen.formUnion(records.map(\.id))
        newest = records.first?.id ?? 0
      }
      try await writers.value
    }
  }
}

extension StoreUnderTest {
  fileprivate func entry(
    of clinic: TestOrganisation, _ number: Int, changes: [FieldChange] = []
  ) -> AuditEntry {
    AuditEntry(
      organisationID: clinic.organisation.id, principal: .key(clinic.root.key.id, hint: clinic.root.key.hint),
      action: .keyUpdated, target: "key_\(number)", requestID: .test, changes: changes)
  }

  fileprivate func append(_ clinic: TestOrganisation, _ number: Int) async throws {
    try await entered(clinic.organisation.id) { try await $0.append(entry(of: clinic, number)) }
  }

  fileprivate func audit(_ clinic: TestOrganisation, _ query: AuditQuery) async throws -> [AuditRecord] {
    try await entered(clinic.organisation.id) { try await $0.auditRecords(query) }
  }
}

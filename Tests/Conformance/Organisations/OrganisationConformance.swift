import KeymeterDomain
import KeymeterTesting
import Testing

@Suite("Organisations", .timeLimit(.minutes(10)))
struct OrganisationConformance {
  @Test("An organisation is found by its exact provider id only", arguments: Backend.allCases)
  func found(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore).organisation
      let (same, none) = try await under.store.withTransaction { transaction in
        (
          try await transaction.organisation(provider: clinic.providerID),
          try await transaction.organisation(provider: ProviderID(validating: "Clinic"))
        )
      }
      #expect(same == clinic)
      #expect(none == nil)
    }
  }

  @Test("A provider id belongs to one organisation only", arguments: Backend.allCases)
  func providerTaken(backend: Backend) async throws {
    try await backend.withStore { under in
      _ = try await TestOrganisation.create("clinic", in: under.operatorStore)
      await #expect(throws: Rejection.providerTaken) {
        _ = try await TestOrganisation.create("clinic", in: under.operatorStore)
      }
    }
  }

  @Test("Organisations are listed by provider id", arguments: Backend.allCases)
  func listed(backend: Backend) async throws {
    try await backend.withStore { under in
      for provider in ["b", "c", "a"] {
        _ = try await TestOrganisation.create(provider, in: under.operatorStore)
      }
      let listed = try await under.operatorStore.withTransaction { try await $0.organisations() }
      #expect(listed.map(\.providerID.rawValue) == ["a", "b", "c"])
    }
  }

  @Test("A rename is stored and logged once", arguments: Backend.allCases)
  func renamed(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore).organisation
      let service = OrganisationService(store: under.operatorStore, peppers: try under.peppers)
      try await service.rename(clinic.providerID, to: .test("New name"))
      try await service.rename(clinic.providerID, to: .test("New name"))
      #expect(try await service.show(clinic.providerID).organisation.name.rawValue == "New name")
      let actions = try await under.auditLog().map(\.action)
      #expect(actions == ["organisation.created", "key.created", "organisation.renamed"])
    }
  }

  @Test(
    "Deleting an organisation deletes its keys, keeps its audit log and affects no other organisation",
    arguments: Backend.allCases)
  func deleted(backend: Backend) async throws {
    try await backend.withStore { under in
      let clinic = try await TestOrganisation.create("clinic", in: under.operatorStore)
      let other = try await TestOrganisation.create("other", in: under.operatorStore)
      let service = OrganisationService(store: under.operatorStore, peppers: try under.peppers)
      try await service.delete(clinic.organisation.providerID)
      await #expect(throws: Rejection.organisationNotFound) {
        _ = try await service.show(clinic.organisation.providerID)
      }
      let hashes = try under.peppers.hashes(of: clinic.root.secret)
      let dead = try await under.entered(clinic.organisation.id) {
        try await $0.activeKey(hashes, lock: .none)
      }
      #expect(dead == nil)
      let log = try await under.auditLog().filter { $0.organisation == clinic.organisation.id.rawValue }
      #expect(log.map(\.action) == ["organisation.created", "key.created", "organisation.deleted"])
      #expect(try await service.show(other.organisation.providerID).keys.count == 1)
    }
  }
}

import HTTPTypes
import Hummingbird
import HummingbirdTesting
import KeymeterDomain
import KeymeterTesting
import Logging
import Testing

@testable import KeymeterHandlers

/// The whole router over an in-memory store with two organisations.
struct Service: Sendable {
  let clock: MovingClock
  let store: InMemoryStore
  let keys: KeyService
  let usage: UsageService
  let organisations: OrganisationService
  /// The keys that sign leak reports, or `nil` to accept none.
  let gitHub: GitHubSigner?
  let home: TestOrganisation
  let neighbour: TestOrganisation

  init(gitHub: GitHubSigner? = nil) async throws {
    self.gitHub = gitHub
    let clock = MovingClock()
    self.clock = clock
    store = InMemoryStore { clock.now }
    keys = KeyService(store: store, peppers: try .test)
    usage = UsageService(admission: store, store: store, peppers: try .test)
    organisations = OrganisationService(store: store, peppers: try .test)
    home = try await .create("home", in: store)
    neighbour = try await .create("neighbour", in: store)
  }

  /// The application, for any test setting.
  func application(
    readiness: @escaping @Sendable () async -> Readiness = { .ready },
    logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  ) -> Application<KeymeterResponder> {
    Application(
      responder: KeymeterRouter(
        keys: keys, usage: usage, leaks: leaks, readiness: readiness
      ).responder(),
      logger: logger)
  }

  var leaks: LeakService? {
    guard let gitHub, let peppers = try? PepperSet.test, let keys = try? gitHub.keys else { return nil }
    return LeakService(store: store, peppers: peppers, reporter: keys)
  }

  /// Sends a call and checks that only a creation or rotation ever returns a secret.
  func send(_ call: Call, sourceLocation: SourceLocation = #_sourceLocation) async throws -> Answer {
    let answer = try await application().test(.router) { client in
      try await client.answer(to: call, sourceLocation: sourceLocation)
    }
    if answer.status != 201 && !(answer.status == 200 && call.uri.hasSuffix("/rotate")) {
      let whole = answer.text + answer.headers.map { "\($0)" }.joined()
      #expect(!whole.holdsKeySecret, "a response contains a secret", sourceLocation: sourceLocation)
    }
    return answer
  }

  /// Sends a call as `home`'s root key.
  func asRoot(
    _ method: HTTPRequest.Method, query: String = "", json: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Answer {
    try await send(
      .scrubs(method, query: query, by: home.credentials, json: json), sourceLocation: sourceLocation)
  }

  /// A child key of `home` or of another organisation.
  func child(
    named name: String = "Till", limits: MonthlyLimits = .unrestricted, linkage: String? = nil,
    expiresIn seconds: Int64? = nil, scopes: [Scope] = [], of organisation: TestOrganisation? = nil
  ) async throws -> IssuedKey {
    let draft = KeyDraft(
      friendlyName: try .test(name), limits: limits, linkageID: try linkage.map { try .test($0) },
      scopes: [.everything] + scopes,
      expiresAt: seconds.map { clock.now.advanced(bySeconds: $0) })
    return try await keys.create(
      draft, by: (organisation ?? home).credentials)
  }

  /// A second root key of `home`.
  func secondRoot() async throws -> IssuedKey {
    try await organisations.createRootKey(home.organisation.providerID, name: .test("Second"))
  }

  /// The keys of `home`, which a rejected call must not change.
  func keysOfHome() async throws -> [APIKey] {
    try await organisations.show(home.organisation.providerID).keys
  }
}

extension String {
  /// Whether the text contains a key's secret or the start of one.
  ///
  /// A hint does not count.
  var holdsKeySecret: Bool { contains(/sk_(live|stag|dev)_[0-9A-Za-z]/) }
}

import KeymeterDomain
import KeymeterTesting

/// Who may turn up.
enum CallerKind: CaseIterable, Sendable {
  case providerMissing, providerUnknown, providerUnknownAndKeyWrong, keyWrong, neighboursRoot, neighboursChild
  case deleted, expired, child, root

  func credentials(in scene: Scene) async throws -> Credentials {
    let home = scene.home
    switch self {
    case .providerMissing: return Credentials(secret: home.root.secret, provider: nil)
    case .providerUnknown:
      return Credentials(secret: home.root.secret, provider: try ProviderID(validating: "nobody"))
    case .providerUnknownAndKeyWrong:
      return Credentials(secret: Self.neverIssued, provider: try ProviderID(validating: "nobody"))
    case .keyWrong: return home.credentials(Self.neverIssued)
    case .neighboursRoot: return home.credentials(scene.neighbour.root.secret)
    case .neighboursChild: return home.credentials(try await scene.child(of: scene.neighbour).secret)
    case .deleted:
      let key = try await scene.child()
      try await scene.delete(key.key.id)
      return home.credentials(key.secret)
    case .expired:
      let key = try await scene.child(expiresIn: 60)
      scene.clock.advance(seconds: 60)
      return home.credentials(key.secret)
    case .child: return home.credentials(try await scene.child().secret)
    case .root: return home.credentials
    }
  }

  func refusal(of operation: Operation) -> (any Error)? {
    switch self {
    case .providerMissing, .providerUnknown, .providerUnknownAndKeyWrong: Rejection.unknownProvider
    case .keyWrong, .neighboursRoot, .neighboursChild, .deleted, .expired: Rejection.notAuthentic
    case .child: operation.refusalOfChild
    case .root: nil
    }
  }

  private static var neverIssued: KeySecret {
    var random = RandomSource.seeded(31)
    return KeySecret(environment: .production, random: &random)
  }
}

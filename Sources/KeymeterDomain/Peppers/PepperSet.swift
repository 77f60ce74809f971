import Crypto

/// The stored form of a secret: HMAC-SHA-256(pepper, key), and the pepper's id.
public struct SecretHash: Sendable, Hashable {
  /// The pepper's id.
  public let pepperID: String
  /// 32 bytes.
  public let bytes: [UInt8]

  /// Creates a hash from a stored row.
  public init(pepperID: String, bytes: [UInt8]) {
    self.pepperID = pepperID
    self.bytes = bytes
  }
}

/// The peppers: secrets outside the database that key hashes depend on (contract §2).
///
/// Several may be active, so that a pepper can be rotated. The first hashes new keys, and lookups try all of
/// them.
public struct PepperSet: Sendable {
  /// Each pepper as an HMAC state that has absorbed only the pepper.
  ///
  /// Copying it saves the half of the work that is the same for every key.
  private let peppers: [(id: String, keyed: HMAC<SHA256>)]

  /// The minimum length of a pepper in bytes: the length of the hash.
  public static let fewestBytes = 32

  /// Creates a set of active peppers, the current one first.
  ///
  /// - Throws: `ValidationFailure` naming `KEYMETER_PEPPERS` if it is empty, one is too short, or two share
  ///   an id.
  public init(_ peppers: [(id: String, bytes: [UInt8])]) throws(ValidationFailure) {
    guard !peppers.isEmpty else { throw Self.failure("must name at least one pepper") }
    for pepper in peppers {
      guard !pepper.id.isEmpty, pepper.id.utf8.count <= 32, pepper.id.utf8.allSatisfy(Base62.contains) else {
        throw Self.failure("has a pepper id that is not 1 to 32 letters and digits")
      }
      guard pepper.bytes.count >= Self.fewestBytes else {
        throw Self.failure("has a pepper '\(pepper.id)' shorter than \(Self.fewestBytes) bytes")
      }
    }
    guard Set(peppers.map(\.id)).count == peppers.count else {
      throw Self.failure("names a pepper id twice")
    }
    self.peppers = peppers.map { (id: $0.id, keyed: HMAC(key: SymmetricKey(data: $0.bytes))) }
  }

  /// The pepper ids, the current one first.
  public var ids: [String] { peppers.map(\.id) }

  /// The hash to store for a new key.
  public func currentHash(of secret: KeySecret) -> SecretHash { hash(of: secret, with: peppers[0]) }

  /// The hashes that a presented key may be stored under, one per active pepper.
  public func hashes(of secret: KeySecret) -> [SecretHash] {
    peppers.map { hash(of: secret, with: $0) }
  }

  /// The check values that detect different bytes under a pepper's id, in the order of `ids`.
  public var checks: [PepperCheck] {
    peppers.map { pepper in
      var hmac = pepper.keyed
      hmac.update(data: Array(PepperCheck.context.utf8))
      return PepperCheck(pepperID: pepper.id, bytes: Array(hmac.finalize()))
    }
  }

  private func hash(
    of secret: KeySecret, with pepper: (id: String, keyed: HMAC<SHA256>)
  ) -> SecretHash {
    var hmac = pepper.keyed
    hmac.update(data: Array(secret.bytes))
    return SecretHash(pepperID: pepper.id, bytes: Array(hmac.finalize()))
  }

  private static func failure(_ message: String) -> ValidationFailure {
    ValidationFailure(field: "KEYMETER_PEPPERS", message)
  }
}

extension PepperSet: CustomStringConvertible, CustomReflectable {
  /// Shows only the ids, never the bytes.
  public var description: String { "peppers \(ids.joined(separator: ", "))" }
  /// Shows only the ids.
  public var customMirror: Mirror { Mirror(self, children: ["ids": ids]) }
}

extension SecretHash: CustomStringConvertible, CustomReflectable {
  /// Shows only the pepper's id.
  public var description: String { "hash under pepper \(pepperID)" }
  /// Shows only the pepper's id.
  public var customMirror: Mirror { Mirror(self, children: ["pepperID": pepperID]) }
}

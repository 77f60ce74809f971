public import KeymeterDomain
public import Postgres

/// The registered peppers in PostgreSQL.
public struct PostgresPepperStore: PepperStore {
  private let pool: ConnectionPool

  /// Creates a store over a pool whose database has this binary's schema.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// Registers new peppers: all of them, or none if any differs.
  ///
  /// - Throws: `StoreError.unavailable`, `PostgresError`.
  public func introduce(_ checks: [PepperCheck]) async throws -> [String] {
    let parameters: [Parameter] = [
      .textArray(checks.map(\.pepperID)), .byteaArray(checks.map(\.bytes)),
    ]
    do {
      try await pool.withStoreTransaction { connection in
        _ = try await connection.execute(PepperStatements.introduce, parameters)
        let rows = try await connection.execute(PepperStatements.mismatched, parameters).rows
        let ids = try rows.map { try $0.decode("pepper_id", as: String.self) }
        // Throw, so that the transaction rolls back.
        guard ids.isEmpty else { throw PepperMismatch(ids: ids) }
      }
      return []
    } catch let mismatch as PepperMismatch {
      return mismatch.ids
    }
  }

  /// All registered peppers and all that keys depend on.
  ///
  /// - Throws: `StoreError.unavailable`, `PostgresError`.
  public func knownPeppers() async throws -> [KnownPepper] {
    try await pool.withStoreTransaction { connection in
      try await connection.execute(PepperStatements.known).rows.map(KnownPepper.init(row:))
    }
  }

  /// Replaces a secret's hash with one under the current pepper.
  ///
  /// - Throws: `StoreError.unavailable`, `PostgresError`.
  public func renew(_ hashes: [SecretHash]) async throws -> Bool {
    guard let present = hashes.first, hashes.count > 1 else { return false }
    let former = hashes.dropFirst()
    return try await pool.withStoreTransaction { connection in
      let rows = try await connection.execute(
        PepperStatements.renew,
        [
          .byteaArray(former.map(\.bytes)), .textArray(former.map(\.pepperID)), .bytea(present.bytes),
          .text(present.pepperID),
        ]
      ).rows
      guard let row = rows.first else { throw RowMissing(statement: PepperStatements.renew.name) }
      return try row.decode("renewed", as: Bool.self)
    }
  }
}

extension KnownPepper {
  fileprivate init(row: Row) throws {
    let id = try row.decode("pepper_id", as: String.self)
    let check = try row.decode("check_value", as: [UInt8]?.self)
    let firstSeen = try row.decode("first_seen", as: PostgresTimestamp?.self)
    self.init(
      id: id, check: check.map { PepperCheck(pepperID: id, bytes: $0) },
      firstSeen: firstSeen.map { Timestamp(microseconds: $0.microsecondsSinceUnixEpoch) },
      keys: try row.decode("keys", as: Int64.self))
  }
}

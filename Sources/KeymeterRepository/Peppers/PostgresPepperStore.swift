public import KeymeterDomain
public import Postgres

/// The peppers' metadata in PostgreSQL.
public struct PostgresPepperStore: PepperStore {
  private let pool: ConnectionPool

  /// Creates a store over a pool whose database has this binary's schema.
  public init(pool: ConnectionPool) { self.pool = pool }

  /// Registers new peppers, or none if any differs from its record.
  ///
  /// - Returns: The ids of the peppers with different bytes.
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
        // Thrown to roll back.
        guard ids.isEmpty else { throw PepperMismatch(ids: ids) }
      }
      return []
    } catch let mismatch as PepperMismatch {
      return mismatch.ids
    }
  }

  /// Every pepper that is recorded or that an active key's secret is hashed with, by id.
  ///
  /// The records are in the home schema and the keys in a cell, so no statement joins them.
  ///
  /// - Throws: `StoreError.unavailable`, `PostgresError`.
  public func knownPeppers() async throws -> [KnownPepper] {
    try await pool.withStoreTransaction { connection in
      var peppers = try await connection.execute(PepperStatements.known).rows
        .reduce(into: [String: KnownPepper]()) { peppers, row in
          let pepper = try KnownPepper(row: row)
          peppers[pepper.id] = pepper
        }
      for row in try await connection.execute(PepperStatements.keyCounts).rows {
        let id = try row.decode("pepper_id", as: String.self)
        peppers[id] = KnownPepper(
          id: id, check: peppers[id]?.check, firstSeen: peppers[id]?.firstSeen,
          keys: try row.decode("keys", as: Int64.self))
      }
      return peppers.values.sorted { $0.id < $1.id }
    }
  }

  /// Replaces a secret's hash by the one under the current pepper.
  ///
  /// - Throws: `StoreError.unavailable`, `PostgresError`.
  public func renew(_ hashes: [SecretHash]) async throws -> Bool {
    guard let present = hashes.first, hashes.count > 1 else { return false }
    let former = hashes.dropFirst()
    return try await pool.withStoreTransaction { connection in
      try await connection.row(
        of: PepperStatements.rehash,
        [
          .byteaArray(former.map(\.bytes)), .textArray(former.map(\.pepperID)), .bytea(present.bytes),
          .text(present.pepperID),
        ]
      ).decode("rehashed", as: Bool.self)
    }
  }
}

extension KnownPepper {
  fileprivate init(row: Row) throws {
    let id = try row.decode("pepper_id", as: String.self)
    self.init(
      id: id, check: PepperCheck(pepperID: id, bytes: try row.decode("check_value", as: [UInt8].self)),
      firstSeen: try row.timestamp("first_seen"), keys: 0)
  }
}

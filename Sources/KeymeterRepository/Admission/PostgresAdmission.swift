import KeymeterDomain
public import Postgres

extension AdmissionBatcher {
  /// A batcher over PostgreSQL.
  ///
  /// - Parameters:
  ///   - pool: has as many connections as `options` has lanes, for nothing else; its statement time-out bounds how
  ///     long a request can wait.
  ///   - options: how the batcher is bounded.
  public convenience init(pool: ConnectionPool, options: Options = Options()) {
    self.init(options: options) { source in await PostgresAdmission(pool: pool).serve(source) }
  }
}

/// One lane of admission: a connection, and the batches that it runs one after another.
struct PostgresAdmission: Sendable {
  let pool: ConnectionPool

  /// How often a batch that PostgreSQL rolled back for another's sake is tried.
  private static let attempts = 4

  /// Why a lane lets go of its connection.
  private enum Outcome: Sendable {
    /// There is no more work.
    case ended
    /// The connection is gone, and this batch, if any, was not sent on it.
    case needsConnection(AdmissionBatch?)
  }

  /// Answers batches until there are no more.
  func serve(_ source: BatchSource) async {
    var batch = await source.next(finished: false)
    while let current = batch {
      do {
        let outcome = try await pool.withConnection { connection in
          await connection.onItsThread { connection in await Self.run(current, on: connection, source) }
        }
        switch outcome {
        case .ended: return
        case .needsConnection(let unsent?): batch = unsent
        case .needsConnection(nil): batch = await source.next(finished: true)
        }
      } catch {
        // No connection was to be had: nothing was sent.
        source.fail(current, Self.told(error))
        batch = await source.next(finished: true)
      }
    }
  }

  /// Runs batch after batch on the connection's own thread, and waits for them there: from a request's arrival to its
  /// answer there is one change of thread each way.
  private static func run(
    _ first: AdmissionBatch, on connection: isolated Connection, _ source: BatchSource
  ) async -> Outcome {
    var batch = first
    while true {
      await answer(batch, on: connection, source)
      guard connection.isUsable else { return .needsConnection(nil) }
      guard let next = await source.next(finished: true) else { return .ended }
      // While we waited the server may have gone; what was not sent can go to another connection.
      guard connection.isAliveWhenIdle() else { return .needsConnection(next) }
      batch = next
    }
  }

  private static func answer(
    _ batch: AdmissionBatch, on connection: isolated Connection, _ source: BatchSource
  ) async {
    do {
      batch.answer(try await admit(batch.requests, on: connection))
    } catch let error as StoreError {
      source.fail(batch, error)
    } catch let error as PostgresError where error.kind == .server && batch.entries.count > 1 {
      // One request's fault must not be its neighbours': PostgreSQL has rolled the batch back, so each goes alone.
      for single in batch.singles { await answer(single, on: connection, source) }
    } catch {
      batch.fail(error)
    }
  }

  /// One answer a request, in order; all of it is committed and durable when this returns.
  ///
  /// An answer that can't be read is that request's failure alone: its neighbours are charged, and told so.
  ///
  /// - Throws: `StoreError.unavailable`; `PostgresError` for what should not happen, and where PostgreSQL raised it,
  ///   nothing was charged.
  private static func admit(
    _ requests: [AdmissionRequest], on connection: isolated Connection
  ) async throws -> [Result<Admission, any Error>] {
    let statement = requests.count == 1 ? AdmissionStatements.admitOne : AdmissionStatements.admitMany
    let parameters = parameters(of: requests)
    var attempt = 1
    while true {
      do {
        let result = try await connection.execute(statement, parameters)
        return admissions(result.rows, count: requests.count)
      } catch  where error.isSerializationFailure && attempt < attempts {
        attempt += 1
      } catch {
        throw told(error)
      }
    }
  }

  private static func told(_ error: any Error) -> any Error {
    (error as? PostgresError).flatMap(StoreError.unavailability) ?? error
  }

  private static func parameters(of requests: [AdmissionRequest]) -> [Parameter] {
    var columns = AdmissionColumns(capacity: requests.count)
    for request in requests { columns.append(request) }
    return columns.parameters
  }

  private static func admissions(_ rows: [Row], count: Int) -> [Result<Admission, any Error>] {
    var admissions = [Result<Admission, any Error>](repeating: .failure(AnswerMissing()), count: count)
    for row in rows {
      guard let position = try? Int(row.decode(0, as: Int32.self)), (1...count).contains(position) else {
        continue
      }
      admissions[position - 1] = Result { try Admission(row) }
    }
    return admissions
  }
}

/// A batch's requests as the columns that `keymeter.admit` takes, filled in one pass.
private struct AdmissionColumns {
  private var hashes: [[UInt8]] = []
  private var providers: [String?] = []
  private var requests: [Int64] = []
  private var tokens: [Int64] = []
  private var speechSeconds: [Int64] = []
  private var scopes: [String?] = []
  private var environments: [String?] = []

  init(capacity: Int) {
    hashes.reserveCapacity(capacity)
    providers.reserveCapacity(capacity)
    requests.reserveCapacity(capacity)
    tokens.reserveCapacity(capacity)
    speechSeconds.reserveCapacity(capacity)
    scopes.reserveCapacity(capacity)
    environments.reserveCapacity(capacity)
  }

  mutating func append(_ request: AdmissionRequest) {
    for digest in request.digests { hashes.append(digest.bytes) }
    providers.append(request.provider?.rawValue)
    requests.append(request.charge.requests)
    tokens.append(request.charge.tokens)
    speechSeconds.append(request.charge.speechSeconds)
    scopes.append(
      request.requiredScopes.isEmpty ? nil : request.requiredScopes.map(\.rawValue).joined(separator: " "))
    environments.append(request.requiredEnvironment?.rawValue)
  }

  var parameters: [Parameter] {
    [
      .byteaArray(hashes), .textArray(providers), .int8Array(requests), .int8Array(tokens),
      .int8Array(speechSeconds), .textArray(scopes), .textArray(environments),
    ]
  }
}

extension Admission {
  /// A row of `keymeter.admit`, by the decision codes that its file lists.
  init(_ row: Row) throws {
    switch try row.decode(1, as: Int32.self) {
    case 0: self = .admitted(try KeyStanding(row))
    case 1: self = .refused(.unknownProvider, nil)
    case 2: self = .refused(.unknownKey, nil)
    case 3: self = .refused(.revoked, try KeyStanding(row))
    case 4: self = .refused(.expired, try KeyStanding(row))
    case 5: self = .refused(.environmentMismatch, try KeyStanding(row))
    case 6: self = .refused(.scopeMissing, try KeyStanding(row))
    case 7: self = .refused(.overLimit(.requests), try KeyStanding(row))
    case 8: self = .refused(.overLimit(.tokens), try KeyStanding(row))
    case 9: self = .refused(.overLimit(.speechSeconds), try KeyStanding(row))
    case let code: throw UnknownDecision(code: code)
    }
  }
}

/// `keymeter.admit` answered a code that this binary does not know.
struct UnknownDecision: Error {
  let code: Int32
}

extension KeyStanding {
  fileprivate init(_ row: Row) throws {
    guard let environment = KeyEnvironment(rawValue: try row.decode(4, as: String.self)) else {
      throw UnknownStoredValue(column: "environment")
    }
    self.init(
      keyID: KeyID(rawValue: try row.decode(3, as: String.self)),
      organisationID: OrganisationID(rawValue: try row.decode(2, as: String.self)),
      environment: environment,
      scopes: try row.decode(5, as: [String].self).map(Scope.init(stored:)),
      limits: MonthlyLimits(
        requests: try row.decode(6, as: Int64?.self), tokens: try row.decode(7, as: Int64?.self),
        speechSeconds: try row.decode(8, as: Int64?.self)),
      used: Amounts(
        requests: try row.decode(9, as: Int64.self), tokens: try row.decode(10, as: Int64.self),
        speechSeconds: try row.decode(11, as: Int64.self)),
      judgedAt: Timestamp(
        microseconds: try row.decode(12, as: PostgresTimestamp.self).microsecondsSinceUnixEpoch))
  }
}

/// A batch came back without an answer to one of its requests: a defect in the statement.
struct AnswerMissing: Error {}

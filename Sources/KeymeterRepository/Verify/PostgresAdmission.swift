import KeymeterDomain
public import Postgres

extension AdmissionBatcher {
  /// Creates a batcher on PostgreSQL.
  ///
  /// - Parameters:
  ///   - pool: A dedicated pool with one connection per worker. Its statement timeout limits how long a
  ///     request can wait.
  ///   - options: The batcher's limits.
  ///   - observer: Receives measurements.
  public convenience init(
    pool: ConnectionPool, options: Options = Options(), observer: (any AdmissionObserver)? = nil
  ) {
    self.init(options: options, observer: observer) { source in
      await PostgresAdmission(pool: pool).serve(source)
    }
  }
}

/// One admission worker: a connection that runs one batch after another.
struct PostgresAdmission: Sendable {
  let pool: ConnectionPool

  /// The number of attempts for a batch that PostgreSQL rolled back because of a conflict.
  private static let attempts = 4

  /// Why a worker returns its connection.
  private enum Outcome: Sendable {
    /// There is no more work.
    case ended
    /// The connection is lost. The batch, if any, was not sent on it.
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
        // No connection was available, so nothing was sent.
        source.fail(current, Self.storeError(error))
        batch = await source.next(finished: true)
      }
    }
  }

  /// Runs batches on the connection's own thread, including the wait for the next one.
  ///
  /// So a request changes threads only once in each direction.
  private static func run(
    _ first: AdmissionBatch, on connection: isolated Connection, _ source: BatchSource
  ) async -> Outcome {
    var batch = first
    while true {
      await answer(batch, on: connection, source)
      guard connection.isUsable else { return .needsConnection(nil) }
      guard let next = await source.next(finished: true) else { return .ended }
      // The server may have gone away while we waited. An unsent batch can use another connection.
      guard connection.isAliveWhenIdle() else { return .needsConnection(next) }
      batch = next
    }
  }

  /// Answers a batch: first identical requests as groups, then the rest one by one.
  private static func answer(
    _ batch: AdmissionBatch, on connection: isolated Connection, _ source: BatchSource
  ) async {
    guard batch.entries.count > 1 else { return await answerInTurn(batch, on: connection, source) }
    var groups = GroupedAdmission(batch)
    if !groups.isEmpty {
      do {
        let result = try await connection.execute(AdmissionStatements.admitGroups, groups.parameters)
        groups.take(result.rows)
      } catch  where error.kind == .server && !error.isUnavailable {
        // PostgreSQL rolled everything back, so each request is judged by the general statement.
        groups.leaveOpen()
      } catch {
        return fail(batch, storeError(error), source)
      }
    }
    let rest = groups.answerDecided()
    if !rest.entries.isEmpty { await answerInTurn(rest, on: connection, source) }
  }

  private static func answerInTurn(
    _ batch: AdmissionBatch, on connection: isolated Connection, _ source: BatchSource
  ) async {
    do {
      batch.answer(try await admit(batch.requests, on: connection))
    } catch let error as PostgresError where error.kind == .server && batch.entries.count > 1 {
      // One request's error must not fail the others: PostgreSQL rolled the batch back, so each runs alone.
      for single in batch.singles { await answerInTurn(single, on: connection, source) }
    } catch {
      fail(batch, error, source)
    }
  }

  private static func fail(_ batch: AdmissionBatch, _ error: any Error, _ source: BatchSource) {
    if error is StoreError { source.fail(batch, error) } else { batch.fail(error) }
  }

  /// Returns one result per request, in order, after the commit.
  ///
  /// A row that can't be decoded fails only its own request. The others are charged and answered.
  ///
  /// - Throws: `StoreError.unavailable`, or `PostgresError` for unexpected errors. If PostgreSQL raised it,
  ///   nothing was charged.
  private static func admit(
    _ requests: [AdmissionRequest], on connection: isolated Connection
  ) async throws -> [Result<Admission, any Error>] {
    let isSingle = requests.count == 1
    let statement = isSingle ? AdmissionStatements.admitOne : AdmissionStatements.admitMany
    let parameters = isSingle ? requests[0].parameters : parameters(of: requests)
    var attempt = 1
    while true {
      do {
        let result = try await connection.execute(statement, parameters)
        return admissions(result.rows, count: requests.count)
      } catch  where error.isSerializationFailure && attempt < attempts {
        attempt += 1
      } catch {
        throw storeError(error)
      }
    }
  }

  private static func storeError(_ error: any Error) -> any Error {
    (error as? PostgresError).flatMap(StoreError.unavailability) ?? error
  }

  private static func parameters(of requests: [AdmissionRequest]) -> [Parameter] {
    var columns = AdmissionColumns(capacity: requests.count)
    for request in requests {
      for hash in request.hashes { columns.append(hash: hash.bytes) }
      columns.append(request, from: request.address)
    }
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

import KeymeterDomain
public import Postgres

extension AdmissionBatcher {
  /// A batcher over PostgreSQL.
  ///
  /// - Parameters:
  ///   - pool: has as many connections as `options` has workers, for nothing else; its statement time-out bounds how
  ///     long a request can wait.
  ///   - options: how the batcher is bounded.
  ///   - observer: hears of batches.
  public convenience init(
    pool: ConnectionPool, options: Options = Options(), observer: (any AdmissionObserver)? = nil
  ) {
    self.init(options: options, observer: observer) { source in
      await PostgresAdmission(pool: pool).serve(source)
    }
  }
}

/// One worker of admission: a connection, and the batches that it runs one after another.
struct PostgresAdmission: Sendable {
  let pool: ConnectionPool

  /// How often a batch that PostgreSQL rolled back for another's sake is tried.
  private static let attempts = 4

  /// Why a worker lets go of its connection.
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

  /// Answers a batch: alike requests as groups at first, then what that left open one after another.
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
        // PostgreSQL has rolled all of it back: each request is judged by the general statement.
        groups.leaveOpen()
      } catch {
        return fail(batch, told(error), source)
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
      // One request's fault must not be its neighbours': PostgreSQL has rolled the batch back, so each goes alone.
      for single in batch.singles { await answerInTurn(single, on: connection, source) }
    } catch {
      fail(batch, error, source)
    }
  }

  private static func fail(_ batch: AdmissionBatch, _ error: any Error, _ source: BatchSource) {
    if error is StoreError { source.fail(batch, error) } else { batch.fail(error) }
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

import KeymeterDomain

extension InMemoryState {
  /// Entries of one organisation's log, newest first.
  ///
  /// An entry's id is its position in the whole log.
  func auditRecords(_ query: AuditQuery, of organisation: OrganisationID) -> [AuditRecord] {
    let records = zip(auditLog, auditTimes).enumerated().map { index, line in
      (
        organisation: line.0.organisationID,
        record: AuditRecord(
          id: Int64(index + 1), occurredAt: line.1, principal: line.0.principal,
          action: line.0.action.rawValue, target: line.0.target, requestID: line.0.requestID,
          changes: line.0.changes.sorted { $0.field < $1.field })
      )
    }
    let wanted = records.reversed().filter { line in
      line.organisation == organisation && line.record.id < query.before ?? .max
        && line.record.action == query.action?.rawValue ?? line.record.action
        && line.record.target == query.target ?? line.record.target
        && query.since.map { $0 <= line.record.occurredAt } ?? true
    }
    return wanted.prefix(Int(query.limit)).map(\.record)
  }
}

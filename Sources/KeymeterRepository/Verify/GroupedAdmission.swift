import KeymeterDomain
import Postgres

/// A batch grouped for `admit_groups`: identical requests (same key, charge and terms) form a group
/// and share one answer.
///
/// Their addresses may differ: few keys have an address list, and those are left to `admit_many`.
///
/// If a key has different requests in a batch, they are not grouped. Their order matters, and
/// `admit_many` judges them one by one.
struct GroupedAdmission {
  private struct Group {
    let request: AdmissionRequest
    /// The common address of all its requests, or nil if they differ or it is unknown.
    var address: IPAddress?
    /// The requests' indices in the batch, in order of arrival.
    var members: [Int]
    var isMixed = false
    var answer = Answer.open
  }

  private enum Answer {
    /// No row so far. If none follows, the key is unknown.
    case none
    /// The first `admitted` requests are admitted, and `rejection` says why the others are not. `position` is
    /// the row's.
    case decided(position: Int, admitted: Int, before: KeyUsageSnapshot, rejection: AdmissionRejection?)
    case unreadable(any Error)
    /// Not sent, or not decided.
    case open
  }

  /// The decision with which `admit_groups` revokes an answer or declines to give one.
  private static let undecided = "undecided"

  private let batch: AdmissionBatch
  private var groups: [Group] = []
  /// The indices of the groups that are sent, in order.
  ///
  /// Each takes one position per candidate hash.
  private var sent: [Int] = []
  private let candidates: Int

  init(_ batch: AdmissionBatch) {
    self.batch = batch
    candidates = batch.entries.first?.request.hashes.count ?? 0
    groups.reserveCapacity(batch.entries.count)
    // The first 64 bits identify a hash. Should two keys ever share them, they only look like different
    // requests of one key.
    var indices = [UInt64: Int](minimumCapacity: batch.entries.count)
    for (member, entry) in batch.entries.enumerated() {
      let head = entry.request.hashes.first?.head ?? 0
      if let index = indices[head] {
        groups[index].members.append(member)
        if !groups[index].request.isAlike(entry.request) { groups[index].isMixed = true }
        if groups[index].address != entry.request.address { groups[index].address = nil }
      } else {
        indices[head] = groups.count
        groups.append(Group(request: entry.request, address: entry.request.address, members: [member]))
      }
    }
    sent = groups.indices.filter { index in
      !groups[index].isMixed && candidates > 0 && groups[index].request.hashes.count == candidates
    }
    for index in sent { groups[index].answer = .none }
  }

  /// Whether there is nothing to send.
  var isEmpty: Bool { sent.isEmpty }

  /// The parameters of `AdmissionStatements.admitGroups`.
  var parameters: [Parameter] {
    var columns = AdmissionColumns(capacity: sent.count * candidates)
    var counts: [Int32] = []
    counts.reserveCapacity(sent.count * candidates)
    for index in sent {
      for hash in groups[index].request.hashes {
        columns.append(hash: hash.bytes)
        columns.append(groups[index].request, from: groups[index].address)
        counts.append(Int32(groups[index].members.count))
      }
    }
    var parameters = columns.parameters
    parameters.insert(.int4Array(counts), at: 2)
    return parameters
  }

  /// Processes the rows, which are committed and durable.
  mutating func take(_ rows: [Row]) {
    for row in rows {
      guard let position = try? Int(row.decode(0, as: Int32.self)),
        (1...sent.count * candidates).contains(position)
      else { continue }
      take(row, position, at: sent[(position - 1) / candidates])
    }
  }

  private mutating func take(_ row: Row, _ position: Int, at index: Int) {
    do {
      let decision = try row.decode(1, as: String.self)
      guard decision != Self.undecided else {
        switch groups[index].answer {
        // It revokes this row's answer, not that of another candidate.
        case .decided(position, _, _, _): groups[index].answer = .open
        // The key exists and has an address list, but the group has no common address.
        case .none: groups[index].answer = .open
        case .decided, .unreadable, .open: break
        }
        return
      }
      groups[index].answer = .decided(
        position: position, admitted: Int(try row.decode(2, as: Int32.self)),
        before: try KeyUsageSnapshot(row, from: 3),
        rejection: try AdmissionRejection(decision: decision))
    } catch {
      groups[index].answer = .unreadable(error)
    }
  }

  /// Marks all groups as undecided, so that they are judged again one by one.
  mutating func leaveOpen() {
    for index in sent { groups[index].answer = .open }
  }

  /// Answers the decided groups.
  ///
  /// - Returns: The remaining requests, in order of arrival.
  func answerDecided() -> AdmissionBatch {
    let rest = groups.filter { !answer($0) }.flatMap(\.members).sorted()
    return AdmissionBatch(entries: rest.map { batch.entries[$0] })
  }

  /// Answers one group's requests.
  ///
  /// Returns false if it is not decided yet.
  private func answer(_ group: Group) -> Bool {
    switch group.answer {
    case .open: return false
    case .none:
      // It is not known yet whether the provider or the key is unknown.
      guard group.request.provider == nil else { return false }
      resume(group, with: .success(.rejected(.unknownKey, nil)))
    case .unreadable(let error): resume(group, with: .failure(error))
    case .decided(_, let admitted, let before, let rejection):
      answer(group, admitted: admitted, before: before, rejection)
    }
    return true
  }

  private func answer(
    _ group: Group, admitted: Int, before: KeyUsageSnapshot, _ rejection: AdmissionRejection?
  ) {
    var used = before.used
    for member in group.members.prefix(admitted) {
      used = used.adding(group.request.charge)
      batch.entries[member].complete(.success(.admitted(before.with(used: used))))
    }
    let rejected: Result<Admission, any Error> =
      rejection.map { .success(.rejected($0, before.with(used: used))) } ?? .failure(AnswerMissing())
    for member in group.members.dropFirst(admitted) {
      batch.entries[member].complete(rejected)
    }
  }

  private func resume(_ group: Group, with result: Result<Admission, any Error>) {
    for member in group.members { batch.entries[member].complete(result) }
  }
}

extension SecretHash {
  /// The first eight bytes as an integer.
  fileprivate var head: UInt64 { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}

extension Amounts {
  /// The sum per dimension.
  ///
  /// Both were judged to fit, so it can't overflow.
  fileprivate func adding(_ other: Amounts) -> Amounts {
    Amounts(
      requests: requests + other.requests, tokens: tokens + other.tokens,
      speechSeconds: speechSeconds + other.speechSeconds)
  }
}

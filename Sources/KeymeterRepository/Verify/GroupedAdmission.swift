import KeymeterDomain
import Postgres

/// A batch as `keymeter.admit_groups` takes it: requests that are alike (one key, one charge, one set of terms) are one
/// group, and take one answer.
///
/// They may come from different addresses: few keys are judged by that, and those are left to `keymeter.admit_many`.
///
/// A key that comes with two sorts of requests is in no group: which of them came first is for `keymeter.admit_many`
/// to respect, which judges requests one after another.
struct GroupedAdmission {
  private struct Group {
    let request: AdmissionRequest
    /// Where all of its requests come from; `nil` where they differ, or it is not known.
    var address: IPAddress?
    /// The requests' places in the batch, in order of arrival.
    var members: [Int]
    var isMixed = false
    var answer = Answer.open
  }

  private enum Answer {
    /// No row yet: the key is nobody's, unless one follows.
    case none
    /// The first `admitted` are admitted; `refusal` says why the others are not. `position` is the row's.
    case decided(position: Int, admitted: Int, before: KeyUsageSnapshot, refusal: AdmissionRejection?)
    case unreadable(any Error)
    /// Not asked for, or not decided.
    case open
  }

  /// The decision by which `keymeter.admit_groups` takes an answer back, or gives none.
  private static let undecided: Int32 = 11

  private let batch: AdmissionBatch
  private var groups: [Group] = []
  /// Which of `groups` are asked for, in order; each takes as many positions as there are candidate hashes.
  private var asked: [Int] = []
  private let candidates: Int

  init(_ batch: AdmissionBatch) {
    self.batch = batch
    candidates = batch.entries.first?.request.hashes.count ?? 0
    groups.reserveCapacity(batch.entries.count)
    // The head of a hash stands for the whole: it is as good as random. Should two keys ever share one, they only
    // look like two sorts of requests of one key.
    var places = [UInt64: Int](minimumCapacity: batch.entries.count)
    for (member, entry) in batch.entries.enumerated() {
      let head = entry.request.hashes.first?.head ?? 0
      if let place = places[head] {
        groups[place].members.append(member)
        if !groups[place].request.isAlike(entry.request) { groups[place].isMixed = true }
        if groups[place].address != entry.request.address { groups[place].address = nil }
      } else {
        places[head] = groups.count
        groups.append(Group(request: entry.request, address: entry.request.address, members: [member]))
      }
    }
    asked = groups.indices.filter { index in
      !groups[index].isMixed && candidates > 0 && groups[index].request.hashes.count == candidates
    }
    for index in asked { groups[index].answer = .none }
  }

  /// Whether there is nothing to ask for.
  var isEmpty: Bool { asked.isEmpty }

  /// What `AdmissionStatements.admitGroups` takes.
  var parameters: [Parameter] {
    var columns = AdmissionColumns(capacity: asked.count * candidates)
    var counts: [Int32] = []
    counts.reserveCapacity(asked.count * candidates)
    for index in asked {
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

  /// Takes the answers in: committed, and durable.
  mutating func take(_ rows: [Row]) {
    for row in rows {
      guard let position = try? Int(row.decode(0, as: Int32.self)),
        (1...asked.count * candidates).contains(position)
      else { continue }
      take(row, position, at: asked[(position - 1) / candidates])
    }
  }

  private mutating func take(_ row: Row, _ position: Int, at index: Int) {
    do {
      let decision = try row.decode(1, as: Int32.self)
      guard decision != Self.undecided else {
        switch groups[index].answer {
        // It takes back this row's answer, and no other candidate's.
        case .decided(position, _, _, _): groups[index].answer = .open
        // The key is there, and judged by the address that its requests don't share.
        case .none: groups[index].answer = .open
        case .decided, .unreadable, .open: break
        }
        return
      }
      // Without the key, there is still to say whether it is the provider or the key that is unknown.
      guard decision == 0 || decision > 2 else {
        groups[index].answer = .open
        return
      }
      groups[index].answer = .decided(
        position: position, admitted: Int(try row.decode(2, as: Int32.self)),
        before: try KeyUsageSnapshot(row, from: 3),
        refusal: decision == 0 ? nil : try AdmissionRejection(decision: decision))
    } catch {
      groups[index].answer = .unreadable(error)
    }
  }

  /// Nothing has been decided: all is asked once more in another way.
  mutating func leaveOpen() {
    for index in asked { groups[index].answer = .open }
  }

  /// Answers what is decided.
  ///
  /// - Returns: The rest, in order of arrival.
  func answerDecided() -> AdmissionBatch {
    let rest = groups.filter { !answer($0) }.flatMap(\.members).sorted()
    return AdmissionBatch(entries: rest.map { batch.entries[$0] })
  }

  /// Answers one group's requests; `false` where that can't be done yet.
  private func answer(_ group: Group) -> Bool {
    switch group.answer {
    case .open: return false
    case .none:
      // Whether it is the provider or the key that is unknown, is not known yet.
      guard group.request.provider == nil else { return false }
      resume(group, with: .success(.refused(.unknownKey, nil)))
    case .unreadable(let error): resume(group, with: .failure(error))
    case .decided(_, let admitted, let before, let refusal):
      answer(group, admitted: admitted, before: before, refusal)
    }
    return true
  }

  private func answer(_ group: Group, admitted: Int, before: KeyUsageSnapshot, _ refusal: AdmissionRejection?)
  {
    var used = before.used
    for member in group.members.prefix(admitted) {
      used = used.adding(group.request.charge)
      batch.entries[member].complete(.success(.admitted(before.with(used: used))))
    }
    let refused: Result<Admission, any Error> =
      refusal.map { .success(.refused($0, before.with(used: used))) } ?? .failure(AnswerMissing())
    for member in group.members.dropFirst(admitted) {
      batch.entries[member].complete(refused)
    }
  }

  private func resume(_ group: Group, with result: Result<Admission, any Error>) {
    for member in group.members { batch.entries[member].complete(result) }
  }
}

extension SecretHash {
  /// The first eight bytes as a number.
  fileprivate var head: UInt64 { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}

extension Amounts {
  /// The sum in each dimension; both were judged to fit.
  fileprivate func adding(_ other: Amounts) -> Amounts {
    Amounts(
      requests: requests + other.requests, tokens: tokens + other.tokens,
      speechSeconds: speechSeconds + other.speechSeconds)
  }
}

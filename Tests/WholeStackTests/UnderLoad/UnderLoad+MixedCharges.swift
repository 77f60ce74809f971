import AsyncHTTPClient
import KeymeterDomain
import KeymeterTesting
import Postgres
import Synchronization
import Testing

extension UnderLoad {
  @Suite("Mixed charges") struct MixedCharges {
    @Test("For every key the answers match both usage tables and never exceed the limits")
    func answersAddUp() async throws {
      try await Node.with(count: 2) { nodes, database in
        let root = try await Node.organisation("clinic", on: database)
        try await withClient(connections: 48) { client in
          let books = try await Self.books(nodes[0], root, via: client)
          _ = try await concurrently(48) { worker in
            var random = SeededGenerator(seed: UInt64(worker))
            for _ in 0..<30 {
              try await books[Int.random(in: 0..<books.count, using: &random)]
                .step(on: nodes[Int.random(in: 0..<2, using: &random)], &random, via: client)
            }
          }
          try await database.withPool { pool in
            for book in books { try await book.expectBalance(on: pool) }
          }
          #expect(books.contains { $0.rejections > 0 }, "no limit was reached")
        }
      }
    }

    private static func books(
      _ node: Node, _ root: Account, via client: HTTPClient
    ) async throws -> [ChargeBook] {
      var books: [ChargeBook] = []
      for number in 0..<10 {
        let limits = [
          MonthlyLimits(), MonthlyLimits(requests: 60), MonthlyLimits(tokens: 1_500),
          MonthlyLimits(requests: 90, tokens: 2_000, speechSeconds: 500), MonthlyLimits(speechSeconds: 0),
        ][number % 5]
        let members = Dimension.allCases.compactMap { dimension in
          limits[dimension].map { #""\#(dimension.limitMember)":\#($0)"# }
        }
        books.append(
          ChargeBook(
            account: try await node.child(of: root, members.joined(separator: ","), via: client),
            limits: limits))
      }
      return books
    }
  }
}

extension Dimension {
  fileprivate var limitMember: String {
    switch self {
    case .requests: "usage_limit"
    case .tokens: "monthly_token_limit"
    case .speechSeconds: "monthly_stt_secs_limit"
    }
  }
}

/// A client's accounts of one key, to compare with the database.
private final class ChargeBook: Sendable {
  let account: Account
  let limits: MonthlyLimits
  private let charged = Mutex(Amounts.zero)
  private let held = Mutex(Amounts.zero)
  private let rejected = Mutex(0)

  init(account: Account, limits: MonthlyLimits) {
    self.account = account
    self.limits = limits
  }

  var rejections: Int { rejected.withLock { $0 } }

  /// One random call.
  func step(on node: Node, _ random: inout SeededGenerator, via client: HTTPClient) async throws {
    let amounts = Amounts(
      requests: .random(in: 0...3, using: &random), tokens: .random(in: 0...60, using: &random),
      speechSeconds: .random(in: 0...9, using: &random))
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<7: try note(await node.verify(account, amounts.query, via: client), 200, amounts)
    case 7:
      let reply = try await node.verify(account, amounts.query + "&environment=STAGING", via: client)
      try note(reply, 403, .zero)
    default:
      var asked = amounts
      asked.requests += 1
      try await reserve(asked, settlingWith: Int.random(in: 0..<4, using: &random), on: node, via: client)
    }
  }

  /// Expects both tables to match the answers.
  func expectBalance(on pool: ConnectionPool) async throws {
    let counters = try await Counters.read(account.keyID, on: pool)
    #expect(counters.used == charged.withLock { $0 })
    #expect(counters.daily == counters.used)
    #expect(counters.reserved == held.withLock { $0 })
    for dimension in Dimension.allCases {
      if let limit = limits[dimension] { #expect(counters.used[dimension] <= limit) }
    }
  }

  private func note(_ reply: Reply, _ expected: Int, _ amounts: Amounts) throws {
    switch reply.status {
    case expected: charged.withLock { $0 += amounts }
    case 429: rejected.withLock { $0 += 1 }
    default: throw TestFailure("\(reply.status): \(reply.body)")
    }
  }

  /// Reserves and settles with a part of the amounts.
  ///
  /// One of four reservations stays open.
  private func reserve(
    _ asked: Amounts, settlingWith quarter: Int, on node: Node, via client: HTTPClient
  ) async throws {
    let reply = try await node.post("usage/reserve", account, "{\(asked.members)}", via: client)
    try note(reply, 201, asked)
    guard let id = reply.text("reservation_id") else { return }
    guard quarter > 0 else { return held.withLock { $0 += asked } }
    var spent = Amounts.zero
    for dimension in Dimension.allCases { spent[dimension] = asked[dimension] * Int64(quarter - 1) / 2 }
    let settled = try await node.post(
      "usage/settle", account, #"{"reservation_id":"\#(id)",\#(spent.members)}"#, via: client)
    try note(settled, 200, spent - asked)
  }
}

import Hummingbird
import KeymeterDomain

/// `POST /api/v1/usage-analytics`: the daily usage of keys of a root key's organisation.
struct UsageAnalytics: Sendable {
  let usage: UsageService

  /// The most keys of a query.
  private static let mostKeys = 1_000

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let call = try context.call()
    let body = await JSONBody(reading: request)
    let (query, days) = try await usage.analytics({ try body.decode(Self.parse) }, by: call)
    return .json { object in
      object.member("api_key", query.keys?.count == 1 ? query.keys?.first?.rawValue : nil)
      object.object("total") { $0.analytics(days.map(\.used)) }
      object.object("deltas") { deltas in
        for day in days {
          deltas.object(named: day.day.description) { $0.analytics([day.used]) }
        }
      }
    }
  }

  private static func parse(_ members: inout BodyMembers) -> AnalyticsQuery? {
    let first = members.requiredDay("start_date")
    let last = members.requiredDay("end_date")
    let keys = keys(&members)
    guard let first, let last else { return nil }
    if first.daysSinceEpoch > last.daysSinceEpoch {
      members.reject("end_date", "must not be before start_date")
    }
    return AnalyticsQuery(firstDay: first, lastDay: last, keys: keys)
  }

  /// The keys of either member, or `nil` if both are absent.
  private static func keys(_ members: inout BodyMembers) -> [KeyID]? {
    let one = members.nullableText("api_key_id")
    guard let many = members.take("api_key_ids") else { return one.map { [KeyID(rawValue: $0)] } }
    guard one == nil else {
      members.reject("api_key_ids", "and api_key_id exclude each other")
      return nil
    }
    guard case .array(let elements) = many, (1...mostKeys).contains(elements.count) else {
      members.reject("api_key_ids", "must be an array of 1 to \(mostKeys) strings")
      return nil
    }
    return elements.enumerated().compactMap { index, element in
      guard case .string(let id) = element else {
        members.reject("api_key_ids[\(index)]", "must be a string")
        return nil
      }
      return KeyID(rawValue: id)
    }
  }
}

extension JSONObjectWriter {
  /// Writes the sum of amounts under the names of this route.
  ///
  /// A sum above 2^63 − 1 is reported as 2^63 − 1.
  fileprivate mutating func analytics(_ amounts: [Amounts]) {
    func sum(_ dimension: Dimension) -> Int64 {
      amounts.reduce(0) { total, amount in
        let (sum, overflow) = total.addingReportingOverflow(amount[dimension])
        return overflow ? .max : sum
      }
    }
    member("usage", sum(.requests))
    member("tokens", sum(.tokens))
    member("stt_duration", sum(.speechSeconds))
  }
}

import HTTPTypes
import KeymeterDomain
import Testing

@testable import KeymeterHandlers

/// An item of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
struct QuotaPolicy: Equatable {
  let name: String
  let quota: Int64
  let window: Int64?
  let unit: String?
}

/// An item of `RateLimit`.
struct ServiceLimit: Equatable {
  let name: String
  let remaining: Int64
  let reset: Int64?
}

/// Both fields, parsed by the draft's grammar.
struct RateLimits: Equatable {
  let policies: [QuotaPolicy]
  let limits: [ServiceLimit]

  /// - Throws: if a field is not a list of the draft's items.
  init(_ headers: HTTPFields) throws {
    policies = try StructuredList(headers[values: .rateLimitPolicyHeader]).members.map { member in
      try Self.allow(["q", "w", "qu"], in: member)
      let quota = try #require(try Self.integer("q", of: member), "q is required")
      let window = try Self.integer("w", of: member)
      #expect(quota >= 0)
      #expect(window.map { $0 > 0 } ?? true)
      return QuotaPolicy(
        name: try Self.name(of: member), quota: quota, window: window,
        unit: try Self.string("qu", of: member))
    }
    limits = try StructuredList(headers[values: .rateLimitHeader]).members.map { member in
      try Self.allow(["r", "t"], in: member)
      let remaining = try #require(try Self.integer("r", of: member), "r is required")
      let reset = try Self.integer("t", of: member)
      #expect(remaining >= 0)
      #expect(reset.map { $0 >= 0 } ?? true)
      return ServiceLimit(name: try Self.name(of: member), remaining: remaining, reset: reset)
    }
    #expect(Set(policies.map(\.name)).count == policies.count, "policy names must be unique")
    #expect(policies.map(\.name) == limits.map(\.name), "each limit must refer to a policy")
    for name in [HTTPField.Name.rateLimitPolicyHeader, .rateLimitHeader] {
      #expect(headers[values: name].count <= 1, "one line per field, for clients that do not join lines")
      #expect(headers[name].map { !$0.isEmpty } ?? true, "an empty list must be omitted")
    }
  }

  private struct NotOfTheDraft: Error {
    let what: String
  }

  private static func name(of member: StructuredList.Member) throws -> String {
    guard case .string(let name) = member.item, !name.isEmpty else {
      throw NotOfTheDraft(what: "an item is a string")
    }
    return name
  }

  private static func integer(_ name: String, of member: StructuredList.Member) throws -> Int64? {
    switch member[name] {
    case nil: return nil
    case .integer(let number): return number
    default: throw NotOfTheDraft(what: "\(name) is an integer")
    }
  }

  private static func string(_ name: String, of member: StructuredList.Member) throws -> String? {
    switch member[name] {
    case nil: return nil
    case .string(let text): return text
    default: throw NotOfTheDraft(what: "\(name) is a string")
    }
  }

  private static func allow(_ names: Set<String>, in member: StructuredList.Member) throws {
    guard names.isSuperset(of: member.parameters.map(\.name)) else {
      throw NotOfTheDraft(what: "an unknown parameter in \(member)")
    }
  }
}

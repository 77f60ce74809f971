import Hummingbird
import KeymeterDomain

/// `POST /api/v1/api-key`: issues a child key, and shows its secret this once.
struct CreateAPIKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try ScrubsCredentials.read(request.headers)
    let body = await JSONBody.readRepeatable(request, by: credentials.secret) { Self.draft(from: &$0) }
    return try await keys.create(
      body.value, by: credentials, requestID: context.requestID, repeatable: body.repeatable
    ) { issued in
      .json(.created) { object in
        object.member("apiKey", issued.secret.revealed)
        object.scrubsMetadata(issued.key)
      }
    }.response
  }

  private static func draft(from members: inout BodyMembers) -> KeyDraft? {
    let name = members.requiredLabel("friendly_name")
    let limits = MonthlyLimits(
      requests: members.limit("usage_limit").valueForNewKey,
      tokens: members.limit("monthly_token_limit").valueForNewKey,
      speechSeconds: members.limit("monthly_stt_secs_limit").valueForNewKey)
    let linkage = linkage(from: &members)
    let environment = environment(from: &members)
    let scopes = scopes(from: &members)
    let expiry = expiry(from: &members)
    guard let name else { return nil }
    return KeyDraft(
      friendlyName: name, limits: limits, linkageID: linkage, environment: environment ?? .production,
      scopes: scopes ?? [.everything], expiresAt: expiry)
  }

  private static func linkage(from members: inout BodyMembers) -> Label? {
    let linkage = members.nullableText("linkage_id")
    let clinic = members.nullableText("clinic_id")
    if linkage != nil, clinic != nil {
      members.refuse("clinic_id", "is another name of linkage_id: give one of them")
      return nil
    }
    let field = clinic == nil ? "linkage_id" : "clinic_id"
    return (linkage ?? clinic).flatMap { text in
      members.checked { () throws(ValidationFailure) in try Label(validating: text, field: field) }
    }
  }

  private static func environment(from members: inout BodyMembers) -> KeyEnvironment? {
    members.text("environment").flatMap { text in
      members.checked { () throws(ValidationFailure) in
        try KeyEnvironment(validating: text, field: "environment")
      }
    }
  }

  private static func scopes(from members: inout BodyMembers) -> [Scope]? {
    guard let value = members.take("scopes") else { return nil }
    guard case .array(let elements) = value, (1...100).contains(elements.count) else {
      members.refuse("scopes", "must be an array of 1 to 100 strings")
      return nil
    }
    var scopes: [Scope] = []
    for (index, element) in elements.enumerated() {
      let field = "scopes[\(index)]"
      guard case .string(let text) = element else {
        members.refuse(field, "must be a string")
        continue
      }
      let scope = members.checked { () throws(ValidationFailure) in
        try Scope(validating: text, field: field)
      }
      if let scope, !scopes.contains(scope) { scopes.append(scope) }
    }
    return scopes
  }

  private static func expiry(from members: inout BodyMembers) -> Timestamp? {
    guard let text = members.nullableText("expires_at") else { return nil }
    guard let expiry = Timestamp(rfc3339: text) else {
      members.refuse("expires_at", "must be an RFC 3339 date and time with a zone")
      return nil
    }
    return expiry
  }
}

extension LimitChange {
  /// The limit that a new key gets: `null` and leaving it out both mean unrestricted.
  fileprivate var valueForNewKey: Int64? {
    switch self {
    case .unchanged, .cleared: nil
    case .set(let value): value
    }
  }
}

import Hummingbird
import KeymeterDomain

/// `POST /api/v1/api-key`: creates a child key and shows its secret only this once.
struct CreateAPIKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let call = try context.call()
    let body = await JSONBody(reading: request)
    return try await keys.create(
      { try body.decodeRepeatable(by: call.credentials.secret, Self.draft) }, by: call
    ) { issued in
      BufferedResponse.json(.created) { object in
        object.member("apiKey", issued.secret.revealed)
        object.scrubsMetadata(issued.key)
      }
    }.response
  }

  private static func draft(from members: inout BodyMembers) -> KeyDraft? {
    let name = members.requiredLabel("friendly_name")
    let limits = MonthlyLimits(
      requests: members.limit("usage_limit").applied(to: nil),
      tokens: members.limit("monthly_token_limit").applied(to: nil),
      speechSeconds: members.limit("monthly_stt_secs_limit").applied(to: nil))
    let linkage = linkage(from: &members)
    let environment = members.environment("environment")
    let scopes = members.scopes("scopes")
    let expiry = members.expiry("expires_at")
    let addresses = members.allowedAddresses("allowed_cidrs").applied(to: nil)
    guard let name else { return nil }
    return KeyDraft(
      friendlyName: name, limits: limits, linkageID: linkage, environment: environment ?? .production,
      scopes: scopes ?? [.everything], expiresAt: expiry,
      allowedAddresses: addresses)
  }

  private static func linkage(from members: inout BodyMembers) -> Label? {
    let linkage = members.nullableText("linkage_id")
    let clinic = members.nullableText("clinic_id")
    if linkage != nil, clinic != nil {
      members.reject("clinic_id", "is another name of linkage_id: send only one of them")
      return nil
    }
    let field = clinic == nil ? "linkage_id" : "clinic_id"
    return (linkage ?? clinic).flatMap { text in
      members.checked { () throws(ValidationFailure) in try Label(validating: text, field: field) }
    }
  }
}

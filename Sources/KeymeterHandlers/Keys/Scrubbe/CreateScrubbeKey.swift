import Hummingbird
import KeymeterDomain

/// `POST /api/v1/apikey/createapikey`: creates a child key and shows its secret only this once.
struct CreateScrubbeKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let call = try context.call()
    let body = await JSONBody(reading: request)
    return try await keys.create(
      {
        try request.requireNoQuery()
        return try body.decodeRepeatable(by: call.credentials.secret, Self.draft)
      }, by: call, under: .rootKeysAndScopes
    ) { issued in
      ScrubbeEnvelope.issued("API key created successfully", issued, status: .created)
    }.response
  }

  private static func draft(from members: inout BodyMembers) -> KeyDraft? {
    let name = members.requiredLabel("name")
    members.require("environment")
    let environment = members.environment("environment")
    members.require("scopes")
    let scopes = members.scopes("scopes")
    let expiry = members.expiry("expiresAt")
    let limits = MonthlyLimits(
      requests: members.limit("usageLimit").applied(to: nil),
      tokens: members.limit("monthlyTokenLimit").applied(to: nil),
      speechSeconds: members.limit("monthlySttSecsLimit").applied(to: nil))
    let addresses = members.allowedAddresses("allowedCidrs").applied(to: nil)
    let linkage = members.nullableText("linkageId").flatMap { text in
      members.checked { () throws(ValidationFailure) in try Label(validating: text, field: "linkageId") }
    }
    guard let name, let environment, let scopes else { return nil }
    return KeyDraft(
      friendlyName: name, limits: limits, linkageID: linkage, environment: environment, scopes: scopes,
      expiresAt: expiry, allowedAddresses: addresses)
  }
}

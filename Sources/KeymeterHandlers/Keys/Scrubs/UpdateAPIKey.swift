import Hummingbird
import KeymeterDomain

/// `PUT /api/v1/api-key`: changes the name, limits or allowed addresses of the caller's own key or a child key.
struct UpdateAPIKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let call = try context.call()
    let body = await JSONBody(reading: request)
    let key = try await keys.update({ try body.decode(Self.update) }, by: call)
    return .json { $0.scrubsMetadata(key) }
  }

  private static func update(from members: inout BodyMembers) -> KeyUpdate? {
    let id = members.requiredText("id")
    let name = members.text("friendly_name").flatMap { text in
      members.checked { () throws(ValidationFailure) in
        try Label(validating: text, field: "friendly_name")
      }
    }
    let requests = members.limit("usage_limit")
    let tokens = members.limit("monthly_token_limit")
    let speechSeconds = members.limit("monthly_stt_secs_limit")
    let addresses = members.allowedAddresses("allowed_cidrs")
    guard let id else { return nil }
    return KeyUpdate(
      id: KeyID(rawValue: id), friendlyName: name, requests: requests, tokens: tokens,
      speechSeconds: speechSeconds, allowedAddresses: addresses)
  }
}

import Hummingbird
import KeymeterDomain

/// `GET /api/v1/usage`: the current month of the caller's own key, or with `id`, for a root key, of any key of its
/// organisation.
struct Usage: Sendable {
  let service: UsageService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let usage = try await service.usage(of: { try Self.id(in: request) }, by: context.call())
    let key = usage.standing
    return .json(usage: key) { object in
      object.member("key_id", key.keyID.rawValue)
      object.member("organisation_id", key.organisationID.rawValue)
      object.member("environment", key.environment.rawValue)
      object.limits(key, reserved: usage.reserved)
    }
  }

  private static func id(in request: Request) throws -> KeyID? {
    let parameters = try QueryParameters(of: request)
    try parameters.allow(["id"])
    guard let id = try parameters.single("id") else { return nil }
    guard !id.isEmpty else {
      throw RequestRejection.invalidQuery([FieldViolation(field: "id", message: "must not be empty")])
    }
    return KeyID(rawValue: id)
  }
}

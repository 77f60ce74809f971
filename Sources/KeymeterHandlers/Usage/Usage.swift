import Hummingbird
import KeymeterDomain

/// `GET /api/v1/usage`: the current month of the caller's key, or with `id` of a key of a root key's organisation.
struct Usage: Sendable {
  let service: UsageService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try Credentials(reading: request.headers, from: context.client)
    let usage = try await service.usage(
      of: { try Self.id(in: request) }, by: context.call(credentials))
    let standing = usage.standing
    var response = Response.json { object in
      object.member("key_id", standing.keyID.rawValue)
      object.member("organisation_id", standing.organisationID.rawValue)
      object.member("environment", standing.environment.rawValue)
      object.limits(standing, reserved: usage.reserved)
    }
    response.headers.add(standing)
    return response
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

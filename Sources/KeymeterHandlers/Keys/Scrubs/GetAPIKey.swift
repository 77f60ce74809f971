import Hummingbird
import KeymeterDomain

/// `GET /api/v1/api-key`: the caller's own key, or with `list_all=true` every key of its organisation.
struct GetAPIKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try Credentials(scrubs: request.headers, from: context.client)
    if case .success(true) = Result(catching: { try Self.listsAll(request) }) {
      return try await AllKeys(keys: keys, call: context.call(credentials)).respond(context)
    }
    let key = try await keys.ownKey(context.call(credentials), checking: { _ = try Self.listsAll(request) })
    return .json { $0.scrubsMetadata(key) }
  }

  private static func listsAll(_ request: Request) throws(RequestRejection) -> Bool {
    switch try QueryParameters(of: request).single("list_all") {
    case nil, "false": return false
    case "true": return true
    default: throw .invalidQuery([FieldViolation(field: "list_all", message: "must be true or false")])
    }
  }
}

import Hummingbird
import KeymeterDomain

/// `GET /api/v1/api-key`: the caller's own key, or with `list_all=true` every key of its organisation.
struct GetAPIKey: Sendable {
  let keys: KeyService

  @Sendable func respond(_ request: Request, _ context: KeymeterRequestContext) async throws -> Response {
    let credentials = try ScrubsCredentials.read(request.headers, from: context.client)
    switch Self.listsAll(request) {
    case .success(true):
      return try await AllKeys(keys: keys, credentials: credentials).respond(context)
    case .success(false):
      let key = try await keys.ownKey(credentials, requestID: context.requestID)
      return .json { $0.scrubsMetadata(key) }
    case .failure(let rejection):
      try await keys.refuse(rejection, to: credentials, requestID: context.requestID)
    }
  }

  private static func listsAll(_ request: Request) -> Result<Bool, RequestRejection> {
    Result { () throws(RequestRejection) in
      switch try QueryParameters(of: request).single("list_all") {
      case nil, "false": return false
      case "true": return true
      default:
        throw .invalidQuery([FieldViolation(field: "list_all", message: "must be true or false")])
      }
    }
  }
}

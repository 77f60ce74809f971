import HTTPTypes
import KeymeterDomain

/// The calls of the dialect.
///
/// Each succeeds for a root key on a given child key.
enum ScrubsOperation: CaseIterable {
  case read, list, create, update, delete

  /// The calls that require a root key.
  static let ofRoot: [ScrubsOperation] = [.list, .create, .update, .delete]

  /// The calls with a body.
  static let withBody: [ScrubsOperation] = [.create, .update]

  var method: HTTPRequest.Method {
    switch self {
    case .read, .list: .get
    case .create: .post
    case .update: .put
    case .delete: .delete
    }
  }

  func call(by credentials: Credentials, on child: KeyID) -> Call {
    switch self {
    case .read: .scrubs(.get, by: credentials)
    case .list: .scrubs(.get, query: "?list_all=true", by: credentials)
    case .create: .scrubs(.post, by: credentials, json: #"{"friendly_name":"New"}"#)
    case .update: .scrubs(.put, by: credentials, json: #"{"id":"\#(child.rawValue)","usage_limit":1}"#)
    case .delete: .scrubs(.delete, query: "?id=\(child.rawValue)", by: credentials)
    }
  }

  /// The same call with an invalid body or query.
  func invalidCall(by credentials: Credentials) -> Call {
    switch self {
    case .read, .list: .scrubs(.get, query: "?list_all=1", by: credentials)
    case .create, .update: .scrubs(method, by: credentials, json: "{")
    case .delete: .scrubs(.delete, by: credentials)
    }
  }

  /// The title of a root key's response to `invalidCall`.
  var titleOfInvalidCall: String {
    switch self {
    case .read, .list: "Query is invalid."
    case .create, .update: "Request body is invalid."
    case .delete: "API key ID is missing."
    }
  }

  /// The title of a child key's response to a call that requires a root key.
  var titleOfMissingRoot: String {
    self == .list ? "Root API key is required for list_all=true." : "Root API key is required."
  }
}

import KeymeterDomain

/// One match of GitHub's report: a text that looked like a key, and where it stood.
struct ReportedToken: Sendable {
  let token: String
  /// The name under which GitHub looks for the form.
  let type: String
  let url: String?
  let source: String?

  /// Reads a report: an array of objects.
  ///
  /// Unlike elsewhere unknown members are let through, and places that can't be read are left out: a member that is
  /// added to the published form one day must not keep a leaked key alive.
  ///
  /// - Throws: `RequestRejection.invalidBody`, `LeakReportRejection.tooMany`.
  static func read(_ bytes: [UInt8]) throws -> [ReportedToken] {
    let document: JSONValue
    do {
      document = try JSONReader.read(bytes)
    } catch {
      throw RequestRejection.invalidBody([FieldViolation(field: "", message: "is not valid JSON: \(error)")])
    }
    guard case .array(let elements) = document else {
      throw RequestRejection.invalidBody([FieldViolation(field: "", message: "must be a JSON array")])
    }
    guard elements.count <= ReportGitHubLeaks.mostTokens else { throw LeakReportRejection.tooMany }
    return try elements.enumerated().map { index, element in
      guard case .object(let match) = element else { throw wrong(index, "", "must be an object") }
      guard let token = text(match, "token") else { throw wrong(index, ".token", "must be a string") }
      guard let type = text(match, "type") else { throw wrong(index, ".type", "must be a string") }
      return ReportedToken(
        token: token, type: type, url: text(match, "url"), source: text(match, "source"))
    }
  }

  /// The report of a text that has a key's form and checksum; `nil` for any other.
  var report: LeakReport? {
    KeySecret(presented: token).map { LeakReport(secret: $0, url: url, source: source) }
  }

  private static func text(_ match: JSONObject, _ name: String) -> String? {
    if case .string(let text)? = match[name] { text } else { nil }
  }

  private static func wrong(_ index: Int, _ member: String, _ message: String) -> RequestRejection {
    .invalidBody([FieldViolation(field: "[\(index)]\(member)", message: message)])
  }
}

import KeymeterDomain

/// One match of a report: a text that looks like a secret, and its location.
struct ReportedToken: Sendable {
  let token: String
  /// GitHub's name for the secret's pattern.
  let type: String
  let url: String?
  let source: String?

  /// Reads a report: an array of objects.
  ///
  /// Unlike other bodies it may have unknown members, and invalid locations are ignored. A future addition to GitHub's
  /// format must not keep a leaked key alive.
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
      guard case .object(let match) = element else { throw invalid(index, "", "must be an object") }
      guard let token = text(match, "token") else { throw invalid(index, ".token", "must be a string") }
      guard let type = text(match, "type") else { throw invalid(index, ".type", "must be a string") }
      return ReportedToken(
        token: token, type: type, url: text(match, "url"), source: text(match, "source"))
    }
  }

  /// The report of a text with a secret's form and checksum, or `nil` for any other text.
  var report: LeakReport? {
    KeySecret(presented: token).map { LeakReport(secret: $0, url: url, source: source) }
  }

  private static func text(_ match: JSONObject, _ name: String) -> String? {
    if case .string(let text)? = match[name] { text } else { nil }
  }

  private static func invalid(_ index: Int, _ member: String, _ message: String) -> RequestRejection {
    .invalidBody([FieldViolation(field: "[\(index)]\(member)", message: message)])
  }
}

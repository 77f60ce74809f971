extension ConnectionConfiguration: CustomStringConvertible {
  /// The settings, with passwords blotted out.
  public var description: String {
    settings.map { setting in
      let secret = setting.keyword.contains("password")
      return "\(setting.keyword)=\(secret ? "[redacted]" : setting.value)"
    }.joined(separator: " ")
  }
}

extension ConnectionConfiguration: CustomDebugStringConvertible, CustomReflectable {
  /// The same as ``description``: a password has no place in debugging output either.
  public var debugDescription: String { description }

  /// Empty, so that `dump` and friends don't find the password.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

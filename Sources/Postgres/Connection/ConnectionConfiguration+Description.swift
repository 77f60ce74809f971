extension ConnectionConfiguration: CustomStringConvertible {
  /// The settings, with passwords redacted.
  public var description: String {
    settings.map(\.description).joined(separator: " ")
  }
}

extension ConnectionConfiguration: CustomDebugStringConvertible, CustomReflectable {
  /// The same as ``description``: passwords don't belong in debug output either.
  public var debugDescription: String { description }

  /// Empty, so that `dump` and similar functions don't reveal the password.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ConnectionConfiguration.Setting: CustomStringConvertible, CustomReflectable {
  /// The keyword and its value, with passwords redacted.
  var description: String {
    "\(keyword)=\(keyword.contains("password") ? "[redacted]" : value)"
  }

  /// Shows the keyword alone.
  var customMirror: Mirror { Mirror(self, children: ["keyword": keyword]) }
}

extension ConnectionConfiguration: CustomStringConvertible {
  /// The settings, with passwords blotted out.
  public var description: String {
    settings.map(\.description).joined(separator: " ")
  }
}

extension ConnectionConfiguration: CustomDebugStringConvertible, CustomReflectable {
  /// The same as ``description``: a password has no place in debugging output either.
  public var debugDescription: String { description }

  /// Empty, so that `dump` and friends don't find the password.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension ConnectionConfiguration.Setting: CustomStringConvertible, CustomReflectable {
  /// The keyword and its value, a password's blotted out.
  var description: String {
    "\(keyword)=\(keyword.contains("password") ? "[redacted]" : value)"
  }

  /// Shows the keyword alone.
  var customMirror: Mirror { Mirror(self, children: ["keyword": keyword]) }
}

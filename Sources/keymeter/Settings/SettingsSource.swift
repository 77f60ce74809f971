import FoundationEssentials

/// A setting that is missing or can't be used.
struct SettingError: Error, CustomStringConvertible {
  let name: String
  let problem: String

  /// One line that names the setting; never its value, which may be a secret.
  var description: String { "\(name) \(problem)" }
}

/// Where settings come from: a flag first, then the environment, then a file that the environment names.
struct SettingsSource: Sendable {
  let environment: [String: String]

  /// The environment of this process.
  static var process: SettingsSource {
    SettingsSource(environment: ProcessInfo.processInfo.environment)
  }

  /// The value of a setting; an empty one counts as not set.
  ///
  /// - Throws: `SettingError` where `NAME` and `NAME_FILE` are both set, or the file can't be read.
  func value(_ name: String, flag: String? = nil) throws(SettingError) -> String? {
    if let flag { return flag }
    let direct = environment[name].flatMap { $0.isEmpty ? nil : $0 }
    guard let path = environment["\(name)_FILE"], !path.isEmpty else { return direct }
    guard direct == nil else {
      throw SettingError(name: name, problem: "is set twice: by itself and by \(name)_FILE")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw SettingError(name: "\(name)_FILE", problem: "names a file that can't be read: \(path)")
    }
    return String(decoding: data, as: UTF8.self).trimmedLineEnd
  }

  /// The value of a setting that must be there.
  func required(_ name: String, flag: String? = nil) throws(SettingError) -> String {
    guard let value = try value(name, flag: flag) else {
      throw SettingError(name: name, problem: "is not set (`keymeter dev` writes a file that sets it)")
    }
    return value
  }
}

extension String {
  /// Without the line end that most editors leave at the end of a file.
  fileprivate var trimmedLineEnd: String {
    var text = self[...]
    while let last = text.last, last.isNewline { text.removeLast() }
    return String(text)
  }
}

extension SettingsSource: CustomStringConvertible, CustomReflectable {
  /// The names, never a value: passwords and peppers are among them.
  var description: String { environment.keys.sorted().joined(separator: ", ") }
  /// Shows nothing.
  var customMirror: Mirror { Mirror(self, children: []) }
}

import FoundationEssentials
import KeymeterServer

/// The sources of settings, in order: a flag, the environment, a file named by the environment.
struct SettingsSource: Sendable {
  let environment: [String: String]

  /// The environment of this process.
  static var process: SettingsSource {
    SettingsSource(environment: ProcessInfo.processInfo.environment)
  }

  /// The value of a setting.
  ///
  /// An empty value counts as not set.
  ///
  /// - Throws: `SettingError` if both `NAME` and `NAME_FILE` are set, or if the file can't be read.
  func value(_ name: String, flag: String? = nil) throws(SettingError) -> String? {
    if let flag { return flag }
    let direct = environment[name].flatMap { $0.isEmpty ? nil : $0 }
    guard let path = environment["\(name)_FILE"], !path.isEmpty else { return direct }
    guard direct == nil else {
      throw SettingError(name: name, problem: "is set twice: directly and by \(name)_FILE")
    }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw SettingError(name: "\(name)_FILE", problem: "names a file that can't be read: \(path)")
    }
    return String(decoding: data, as: UTF8.self).trimmedLineEnd
  }

  /// The value of a required setting.
  func required(_ name: String, flag: String? = nil) throws(SettingError) -> String {
    guard let value = try value(name, flag: flag) else {
      throw SettingError(name: name, problem: "is not set (`keymeter dev` writes a file that sets it)")
    }
    return value
  }
}

extension String {
  /// Without the trailing newline that most editors add to a file.
  fileprivate var trimmedLineEnd: String {
    var text = self[...]
    while let last = text.last, last.isNewline { text.removeLast() }
    return String(text)
  }
}

extension SettingsSource: CustomStringConvertible, CustomReflectable {
  /// Only the names: the values include passwords and peppers.
  var description: String { environment.keys.sorted().joined(separator: ", ") }
  /// Shows nothing.
  var customMirror: Mirror { Mirror(self, children: []) }
}

import FoundationEssentials
import KeymeterDomain
import SystemPackage

/// A newly generated pepper.
struct NewPepper: Sendable {
  let id: String
  /// `id:base64`, the format of `KEYMETER_PEPPERS`.
  let line: String

  /// Generates an unused id, and as many random bytes as the hash has.
  init(beside others: [String]) {
    var random = RandomSource.system
    var id: String
    repeat {
      id = "p" + String((0..<8).map { _ in Self.alphabet.randomElement(using: &random) ?? "0" })
    } while others.contains(id)
    let bytes = (0..<PepperSet.fewestBytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    self.id = id
    line = "\(id):\(Data(bytes).base64EncodedString())"
  }

  /// Without letters that are easily confused.
  private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz")

  /// Writes the existing peppers and then this one to a new file that only its owner may read.
  ///
  /// - Parameter present: The value of `KEYMETER_PEPPERS`, or nil if it is not set.
  /// - Throws: `CommandError`, also if the file exists: overwriting a pepper would lose it.
  func write(beside present: String?, to path: String) throws {
    let text = (present.map { "\($0)," } ?? "") + line + "\n"
    do {
      let descriptor = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: [.ownerReadWrite])
      try descriptor.closeAfter { _ = try descriptor.writeAll(text.utf8) }
    } catch {
      throw CommandError("\(path) can't be written: \(error)")
    }
  }
}

/// The steps of a pepper rotation, for the operator.
///
/// A node that doesn't know a pepper rejects its keys. So all nodes learn the new pepper before any node
/// hashes with it.
struct PepperPlan: Encodable {
  let pepper_id: String
  /// The new pepper, or nil if it was written to a file.
  let pepper: String?
  let file: String?
  let steps: [String]

  init(new: NewPepper, former: [String], file: String?) {
    pepper_id = new.id
    pepper = file == nil ? new.line : nil
    self.file = file
    steps = Self.steps(new: new.id, former: former, file: file)
  }

  /// The steps as text, with the pepper on its own line.
  var text: String {
    let head = pepper ?? "Written to \(file ?? "")."
    let list = steps.enumerated().map { "\($0 + 1). \($1)" }
    return ([head, ""] + list).joined(separator: "\n")
  }

  private static func steps(new: String, former: [String], file: String?) -> [String] {
    guard !former.isEmpty else {
      let value = file.map { "KEYMETER_PEPPERS_FILE to \($0)" } ?? "KEYMETER_PEPPERS to it"
      return [
        "Set \(value) on every node and wherever keymeter creates keys. Don't store it with the database's backups."
      ]
    }
    let old = former.joined(separator: ",")
    let how =
      file.map { "set KEYMETER_PEPPERS_FILE=\($0) (\(old),\(new))" }
      ?? "add the new pepper last (\(old),\(new))"
    return [
      "On every node and wherever keymeter creates keys, \(how). Restart the nodes one by one. "
        + "All nodes now accept \(new), and none uses it for new keys yet.",
      "Put \(new) first (\(new),\(old)) and restart the nodes one by one. "
        + "New keys use it, and existing keys move to it as they are used.",
      "Watch `keymeter pepper status` until all keys have moved to \(new). "
        + "Unused keys don't move (see `keymeter report unused_keys`): rotate, revoke or delete them.",
      "Remove \(old) and restart the nodes one by one. "
        + "Keep a copy for as long as you keep backups from before the rotation.",
    ]
  }
}

extension NewPepper: CustomStringConvertible, CustomReflectable {
  /// Shows only the id, never the bytes.
  var description: String { "pepper \(id)" }
  /// Shows only the id.
  var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}

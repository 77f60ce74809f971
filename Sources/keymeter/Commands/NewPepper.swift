import FoundationEssentials
import KeymeterDomain
import SystemPackage

/// A pepper that has just been drawn.
struct NewPepper: Sendable {
  let id: String
  /// `id:base64`, as `KEYMETER_PEPPERS` takes it.
  let line: String

  /// Draws an id that none of the others has, and as many bytes as the hash has.
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

  /// No letter that is easily taken for another.
  private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz")

  /// Writes the present peppers and this one behind them to a new file, which only its owner may read.
  ///
  /// - Parameter present: the value of `KEYMETER_PEPPERS`; `nil` where there is none.
  /// - Throws: `CommandError`, also where the file exists: a pepper that is written over is lost.
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

/// What an operator does with a new pepper, step by step.
///
/// A node that doesn't know a pepper refuses the keys that it guards. So each node learns to recognise the new pepper
/// before any node uses it.
struct PepperPlan: Encodable {
  let pepper_id: String
  /// The new pepper; `nil` where it was written to a file.
  let pepper: String?
  let file: String?
  let steps: [String]

  init(new: NewPepper, former: [String], file: String?) {
    pepper_id = new.id
    pepper = file == nil ? new.line : nil
    self.file = file
    steps = Self.steps(new: new.id, former: former, file: file)
  }

  /// The plan for a person to read; the pepper stands on a line of its own.
  var text: String {
    let head = pepper ?? "Written to \(file ?? "")."
    let list = steps.enumerated().map { "\($0 + 1). \($1)" }
    return ([head, ""] + list).joined(separator: "\n")
  }

  private static func steps(new: String, former: [String], file: String?) -> [String] {
    guard !former.isEmpty else {
      let value = file.map { "KEYMETER_PEPPERS_FILE to \($0)" } ?? "KEYMETER_PEPPERS to it"
      return [
        "Set \(value), on every node and wherever keymeter makes keys. Keep it where the database's backups are not."
      ]
    }
    let old = former.joined(separator: ",")
    let how = file.map { "KEYMETER_PEPPERS_FILE=\($0) (\(old),\(new))" } ?? "the new one last (\(old),\(new))"
    return [
      "On every node, and wherever keymeter makes keys, give \(how), and restart one node after the other. "
        + "Now each recognises \(new), and none uses it yet.",
      "Put \(new) first (\(new),\(old)), and restart one node after the other. "
        + "New keys are guarded by it, and keys move to it as they are used.",
      "Watch `keymeter pepper status` until nothing but \(new) guards keys. "
        + "Keys that nobody uses don't move (`keymeter report unused_keys`): rotate, revoke or delete them.",
      "Take \(old) out, and restart one node after the other. "
        + "Keep it for as long as you keep a backup that was made before.",
    ]
  }
}

extension NewPepper: CustomStringConvertible, CustomReflectable {
  /// The id, never the bytes.
  var description: String { "pepper \(id)" }
  /// Shows the id alone.
  var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}

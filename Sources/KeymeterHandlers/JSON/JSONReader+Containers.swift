extension JSONReader {
  /// Reads the array that begins at the reader's position; `depth` counts it too.
  mutating func readArray(depth: Int) throws(JSONSyntaxError) -> [JSONValue] {
    try open(depth: depth)
    guard !skip(UInt8(ascii: "]")) else { return [] }
    var elements: [JSONValue] = []
    repeat {
      elements.append(try readValue(depth: depth))
      skipWhiteSpace()
    } while skip(UInt8(ascii: ","))
    try expect(UInt8(ascii: "]"))
    return elements
  }

  /// Reads the object that begins at the reader's position; `depth` counts it too.
  mutating func readObject(depth: Int) throws(JSONSyntaxError) -> JSONObject {
    try open(depth: depth)
    var members: [JSONObject.Member] = []
    guard !skip(UInt8(ascii: "}")) else { return JSONObject(distinct: members) }
    var seen = SeenNames()
    repeat {
      let name = try readName(after: members, seen: &seen)
      members.append(JSONObject.Member(name: name, value: try readValue(depth: depth)))
      skipWhiteSpace()
    } while skip(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"))
    return JSONObject(distinct: members)
  }

  /// Steps over the opening bracket and the white space after it, if it isn't one too many.
  private mutating func open(depth: Int) throws(JSONSyntaxError) {
    guard depth <= depthLimit else { throw failure(.tooDeep(limit: depthLimit)) }
    position += 1
    skipWhiteSpace()
  }

  /// Reads a member's name and the colon after it.
  private mutating func readName(
    after members: [JSONObject.Member], seen: inout SeenNames
  ) throws(JSONSyntaxError) -> String {
    skipWhiteSpace()
    guard next == UInt8(ascii: "\"") else { throw unexpected() }
    let start = position
    let name = try readString()
    guard seen.insert(name, after: members) else {
      throw JSONSyntaxError(reason: .duplicateMember(name), offset: start)
    }
    skipWhiteSpace()
    try expect(UInt8(ascii: ":"))
    return name
  }
}

/// The names of one object's members so far.
///
/// A few names are compared one by one, which is faster than hashing them. More go into a set, so that a
/// document of thousands costs no more than its length; the set's hash has a seed for each process, so
/// that nobody can choose names that collide.
private struct SeenNames {
  private static let fewNames = 8

  private var names: Set<ExactString> = []

  /// Adds a name, and tells whether it is new.
  ///
  /// `members` are all those whose names were added before.
  mutating func insert(_ name: String, after members: [JSONObject.Member]) -> Bool {
    let name = ExactString(name)
    guard members.count >= Self.fewNames else {
      return !members.contains { ExactString($0.name) == name }
    }
    if names.isEmpty {
      names = Set(members.lazy.map { ExactString($0.name) })
    }
    return names.insert(name).inserted
  }
}

extension JSONReader {
  /// Reads an array.
  ///
  /// The current byte is its opening bracket, and `depth` includes it.
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

  /// Reads an object.
  ///
  /// The current byte is its opening brace, and `depth` includes it.
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

  /// Skips the opening bracket and the white space after it, within the depth limit.
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
/// A few names are compared one by one, which is faster than hashing. More go into a set, so that time stays linear. Its
/// hash is seeded per process, so a client can't choose names that collide.
private struct SeenNames {
  private static let fewNames = 8

  private var names: Set<ExactString> = []

  /// Adds a name.
  ///
  /// Returns whether it is new.
  ///
  /// - Parameter members: the members before it.
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

/// The members of a JSON object, in the order of the document, each name at most once.
///
/// Two objects are equal when they have the same members in the same order.
struct JSONObject: Sendable, Equatable {
  /// A name and its value.
  struct Member: Sendable, Equatable {
    let name: String
    let value: JSONValue

    static func == (left: Self, right: Self) -> Bool {
      ExactString(left.name) == ExactString(right.name) && left.value == right.value
    }
  }

  let members: [Member]

  /// Makes an object of members whose names the caller knows to differ.
  ///
  /// It doesn't look for duplicates: the reader has done so, with a better error than could be given here.
  init(distinct members: [Member]) {
    self.members = members
  }

  /// The value of the member with exactly this name; nil if there is none.
  ///
  /// A member that is present and `null` gives `JSONValue.null`, which isn't nil. It takes time in proportion
  /// to the number of members; a handler asks for a handful of names, so an index wouldn't pay for itself.
  subscript(name: String) -> JSONValue? {
    let name = ExactString(name)
    return members.first { ExactString($0.name) == name }?.value
  }
}

/// A string that equals another only when their bytes are the same.
///
/// Swift's own `==` follows Unicode's canonical equivalence: to it the Kelvin sign U+212A is the letter K. A
/// member spelt with one would then be taken for `apiKey` here and for something else by every other reader
/// of the same document. RFC 8259 §8.3 compares names code unit by code unit, and so does this type.
struct ExactString: Hashable, Sendable {
  let text: String

  init(_ text: String) {
    self.text = text
  }

  static func == (left: Self, right: Self) -> Bool {
    left.text.utf8.count == right.text.utf8.count && left.text.utf8.elementsEqual(right.text.utf8)
  }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

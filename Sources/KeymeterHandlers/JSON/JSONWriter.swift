/// Writes JSON straight into a buffer of bytes, with no value in between and no white space.
///
///     var writer = JSONWriter()
///     writer.object { key in
///       key.member("id", id)
///       key.object("limits") { $0.member("requests", limit) }
///     }
///     return writer.bytes
///
/// Commas and brackets come right by construction: an object's writer takes only members, an array's only
/// elements. What it doesn't check: that exactly one value is written to make a document, and that an object's
/// names differ, which is plain to see where they are literals.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []

  init(reservingCapacity capacity: Int = 0) {
    bytes.reserveCapacity(capacity)
  }

  /// The document that consists of this value.
  static func bytes(of value: some JSONWritable) -> [UInt8] {
    var writer = JSONWriter()
    writer.value(value)
    return writer.bytes
  }

  mutating func value(_ value: some JSONWritable) {
    value.write(to: &self)
  }

  /// Writes an object whose members `body` gives; if it throws, half an object stays behind.
  mutating func object<Failure: Error>(
    _ body: (inout JSONObjectWriter) throws(Failure) -> Void
  ) throws(Failure) {
    // The buffer moves into the inner writer and back, rather than being copied.
    var object = JSONObjectWriter()
    swap(&self, &object.writer)
    defer { swap(&self, &object.writer) }
    object.writer.append(UInt8(ascii: "{"))
    try body(&object)
    object.writer.append(UInt8(ascii: "}"))
  }

  /// Writes an array whose elements `body` gives; if it throws, half an array stays behind.
  mutating func array<Failure: Error>(
    _ body: (inout JSONArrayWriter) throws(Failure) -> Void
  ) throws(Failure) {
    var array = JSONArrayWriter()
    swap(&self, &array.writer)
    defer { swap(&self, &array.writer) }
    array.writer.append(UInt8(ascii: "["))
    try body(&array)
    array.writer.append(UInt8(ascii: "]"))
  }

  /// Appends bytes that are part of a JSON document as they are.
  mutating func append(_ byte: UInt8) {
    bytes.append(byte)
  }

  /// Appends characters that are part of a JSON document as they are.
  mutating func append(literal: StaticString) {
    literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  /// Appends bytes that are part of a JSON document as they are.
  mutating func append(contentsOf part: some Sequence<UInt8>) {
    bytes.append(contentsOf: part)
  }
}

/// Writes the members of one object.
struct JSONObjectWriter {
  fileprivate var writer = JSONWriter()
  private var isEmpty = true

  fileprivate init() {}

  mutating func member(_ name: StaticString, _ value: some JSONWritable) {
    begin(name)
    writer.value(value)
  }

  /// Like `member(_:_:)`, with a name that is not known before.
  mutating func member(named name: String, _ value: some JSONWritable) {
    begin(named: name)
    writer.value(value)
  }

  mutating func object<Failure: Error>(
    _ name: StaticString, _ body: (inout JSONObjectWriter) throws(Failure) -> Void
  ) throws(Failure) {
    begin(name)
    try writer.object(body)
  }

  /// Like `object(_:_:)`, with a name that is not known before.
  mutating func object<Failure: Error>(
    named name: String, _ body: (inout JSONObjectWriter) throws(Failure) -> Void
  ) throws(Failure) {
    begin(named: name)
    try writer.object(body)
  }

  mutating func array<Failure: Error>(
    _ name: StaticString, _ body: (inout JSONArrayWriter) throws(Failure) -> Void
  ) throws(Failure) {
    begin(name)
    try writer.array(body)
  }

  /// A name in the source needs no escape, as a look at it tells.
  private mutating func begin(_ name: StaticString) {
    writer.append(literal: isEmpty ? "\"" : ",\"")
    isEmpty = false
    writer.append(literal: name)
    writer.append(literal: "\":")
  }

  private mutating func begin(named name: String) {
    if !isEmpty { writer.append(UInt8(ascii: ",")) }
    isEmpty = false
    writer.append(quoting: name)
    writer.append(UInt8(ascii: ":"))
  }
}

/// Writes the elements of one array.
struct JSONArrayWriter {
  fileprivate var writer = JSONWriter()
  private var isEmpty = true

  fileprivate init() {}

  mutating func element(_ value: some JSONWritable) {
    begin()
    writer.value(value)
  }

  mutating func object<Failure: Error>(
    _ body: (inout JSONObjectWriter) throws(Failure) -> Void
  ) throws(Failure) {
    begin()
    try writer.object(body)
  }

  mutating func array<Failure: Error>(
    _ body: (inout JSONArrayWriter) throws(Failure) -> Void
  ) throws(Failure) {
    begin()
    try writer.array(body)
  }

  private mutating func begin() {
    if !isEmpty { writer.append(UInt8(ascii: ",")) }
    isEmpty = false
  }
}

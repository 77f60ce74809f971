/// Writes JSON directly into a byte buffer, without white space and without intermediate values.
///
///     var writer = JSONWriter()
///     writer.object { key in
///       key.member("id", id)
///       key.object("limits") { $0.member("requests", limit) }
///     }
///     return writer.bytes
///
/// Commas and brackets are correct by construction: an object's writer takes only members, an array's only elements. The
/// writer does not check that a document has exactly one value and that an object's names differ.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []

  init(reservingCapacity capacity: Int = 0) {
    bytes.reserveCapacity(capacity)
  }

  mutating func value(_ value: some JSONWritable) {
    value.write(to: &self)
  }

  /// Writes an object.
  ///
  /// If `body` throws, the object stays incomplete.
  mutating func object<Failure: Error>(
    _ body: (inout JSONObjectWriter) throws(Failure) -> Void
  ) throws(Failure) {
    // Swapping moves the buffer into the inner writer and back without a copy.
    var object = JSONObjectWriter()
    swap(&self, &object.writer)
    defer { swap(&self, &object.writer) }
    object.writer.append(UInt8(ascii: "{"))
    try body(&object)
    object.writer.append(UInt8(ascii: "}"))
  }

  /// Writes an array.
  ///
  /// If `body` throws, the array stays incomplete.
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

  /// Appends a byte of JSON as it is.
  mutating func append(_ byte: UInt8) {
    bytes.append(byte)
  }

  /// Appends JSON text as it is.
  mutating func append(literal: StaticString) {
    literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  /// Appends bytes of JSON as they are.
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

  /// Like `member(_:_:)`, with a name that may need escapes.
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

  /// Like `object(_:_:)`, with a name that may need escapes.
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

  /// The names in the source need no escapes.
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

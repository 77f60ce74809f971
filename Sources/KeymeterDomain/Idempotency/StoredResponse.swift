/// A complete response that can be stored and replayed byte for byte.
///
/// Its content belongs to the dialect and is opaque to the domain.
public struct StoredResponse: Sendable, Hashable {
  /// A header of the response.
  public struct Field: Sendable, Hashable {
    /// The header's name.
    public let name: String
    /// The header's value.
    public let value: String

    /// Creates a header.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The HTTP status.
  public let status: UInt16
  /// The headers in order, without those of the connection.
  public let fields: [Field]
  /// The complete body.
  public let body: [UInt8]
  /// Whether it was stored by an earlier request.
  public internal(set) var replayed = false

  /// Creates a first response.
  public init(status: UInt16, fields: [Field], body: [UInt8]) {
    self.status = status
    self.fields = fields
    self.body = body
  }
}

extension StoredResponse {
  /// The serialised form that is sealed: big-endian numbers, and texts prefixed with their length in bytes.
  ///
  /// Status (2 bytes), number of headers (2), name and value of each header (4 plus the text), body.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(status)
    bytes.appendBigEndian(UInt16(clamping: fields.count))
    for text in fields.flatMap({ [$0.name, $0.value] }) {
      bytes.appendBigEndian(UInt32(clamping: text.utf8.count))
      bytes += text.utf8
    }
    return bytes + body
  }

  /// Parses `bytes`.
  ///
  /// Nil for any other content.
  init?(bytes: some Sequence<UInt8>) {
    var rest = Array(bytes)[...]
    guard let status: UInt16 = rest.popBigEndian(), let count: UInt16 = rest.popBigEndian() else {
      return nil
    }
    var fields: [Field] = []
    for _ in 0..<count {
      guard let name = rest.popText(), let value = rest.popText() else { return nil }
      fields.append(Field(name: name, value: value))
    }
    self.init(status: status, fields: fields, body: Array(rest))
  }
}

extension [UInt8] {
  fileprivate mutating func appendBigEndian(_ number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
  }
}

extension ArraySlice<UInt8> {
  fileprivate mutating func popBigEndian<Number: FixedWidthInteger>() -> Number? {
    let width = Number.bitWidth / 8
    guard count >= width else { return nil }
    defer { removeFirst(width) }
    return prefix(width).reduce(0) { $0 << 8 | Number($1) }
  }

  fileprivate mutating func popText() -> String? {
    guard let length: UInt32 = popBigEndian(), count >= Int(length) else { return nil }
    defer { removeFirst(Int(length)) }
    return String(validating: prefix(Int(length)), as: UTF8.self)
  }
}

extension StoredResponse: CustomStringConvertible, CustomReflectable {
  /// Shows only the status and the body's size, because the body may contain a new key.
  public var description: String { "\(status), \(body.count) bytes" }
  /// Shows only the status.
  public var customMirror: Mirror { Mirror(self, children: ["status": status]) }
}

extension StoredResponse.Field: CustomStringConvertible, CustomReflectable {
  /// The header's name.
  public var description: String { name }
  /// Shows only the name.
  public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

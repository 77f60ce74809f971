/// An answer that is ready to be sent, and so can be kept and given again byte for byte.
///
/// To the domain it is opaque: what stands in it is the dialect's.
public struct StoredResponse: Sendable, Hashable {
  /// A header of the answer.
  public struct Field: Sendable, Hashable {
    /// The header's name.
    public let name: String
    /// Its value.
    public let value: String

    /// A header by its name and value.
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The HTTP status.
  public let status: UInt16
  /// The headers that belong to the answer rather than to its transport, in order.
  public let fields: [Field]
  /// The body, whole.
  public let body: [UInt8]
  /// Whether it was kept from an earlier request.
  public internal(set) var replayed = false

  /// An answer to be given for the first time.
  public init(status: UInt16, fields: [Field], body: [UInt8]) {
    self.status = status
    self.fields = fields
    self.body = body
  }
}

extension StoredResponse {
  /// The form in which it is sealed: numbers are big-endian, and each text stands behind its length in bytes.
  ///
  /// Status (2 bytes), the number of headers (2), each header's name and value (4 and the text), and the body.
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

  /// Reads what `bytes` wrote; `nil` for anything else.
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
  /// The status and the body's size: what stands in it may be a new key.
  public var description: String { "\(status), \(body.count) bytes" }
  /// Shows the status alone.
  public var customMirror: Mirror { Mirror(self, children: ["status": status]) }
}

extension StoredResponse.Field: CustomStringConvertible, CustomReflectable {
  /// The header's name.
  public var description: String { name }
  /// Shows the name alone.
  public var customMirror: Mirror { Mirror(self, children: ["name": name]) }
}

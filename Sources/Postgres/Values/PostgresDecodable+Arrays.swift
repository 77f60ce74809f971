/// A type that can be an element of a decoded array.
public protocol PostgresArrayElement: Sendable {
  /// Decodes a cell as an array of this type.
  static func decodeArray(cell: PostgresCell) throws(PostgresDecodingFailure) -> [Self]
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
  /// Decodes a one-dimensional array, or a `bytea` for bytes.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    self = try Element.decodeArray(cell: cell)
  }
}

extension PostgresArrayElement where Self: PostgresDecodable {
  /// Decodes the binary array format that ``BinaryArrayWriter`` describes.
  public static func decodeArray(cell: PostgresCell) throws(PostgresDecodingFailure) -> [Self] {
    var bytes = try cell.bytes(
      of: .textArray, .int8Array, .int4Array, .byteaArray)
    guard let dimensions = bytes.takeBigEndian(Int32.self), bytes.takeBigEndian(Int32.self) != nil,
      let type = bytes.takeBigEndian(UInt32.self)
    else { throw .malformed }
    if dimensions == 0 { return [] }
    guard dimensions == 1 else { throw PostgresDecodingFailure("more than one dimension") }
    guard let count = bytes.takeBigEndian(Int32.self), bytes.takeBigEndian(Int32.self) != nil else {
      throw .malformed
    }
    return try decodeElements(&bytes, count: Int(count), type: PostgresType(rawValue: type))
  }

  private static func decodeElements(
    _ bytes: inout ArraySlice<UInt8>, count: Int, type: PostgresType
  ) throws(PostgresDecodingFailure) -> [Self] {
    // Each element takes at least four bytes, so a forged count can't reserve much memory.
    guard count >= 0, count <= bytes.count / 4 else { throw .malformed }
    var elements: [Self] = []
    elements.reserveCapacity(count)
    for _ in 0..<count {
      guard let length = bytes.takeBigEndian(Int32.self) else { throw .malformed }
      guard length >= 0 else {
        elements.append(try Self(cell: PostgresCell(type: type, bytes: nil)))
        continue
      }
      guard let element = bytes.take(Int(length)) else { throw .malformed }
      elements.append(try Self(cell: PostgresCell(type: type, bytes: element)))
    }
    return elements
  }
}

extension UInt8: PostgresArrayElement {
  /// Decodes a `bytea`, which PostgreSQL doesn't treat as an array of bytes.
  public static func decodeArray(cell: PostgresCell) throws(PostgresDecodingFailure) -> [UInt8] {
    [UInt8](try cell.bytes(of: .bytea))
  }
}

extension String: PostgresArrayElement {}
extension Int64: PostgresArrayElement {}
extension Int: PostgresArrayElement {}
extension Int32: PostgresArrayElement {}
extension Array: PostgresArrayElement where Element: PostgresArrayElement {}
extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement & PostgresDecodable {}

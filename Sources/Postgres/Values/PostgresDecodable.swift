/// A type that a cell can be read as.
public protocol PostgresDecodable: Sendable {
  /// Reads a cell.
  ///
  /// - Parameter cell: The cell as the server sent it.
  /// - Throws: ``PostgresDecodingFailure`` if the cell's type does not fit, its bytes are malformed, or it is NULL
  ///   and this type has no place for that.
  init(cell: PostgresCell) throws(PostgresDecodingFailure)
}

/// Why a cell can't be read as a type; ``Row`` adds which column it was.
public struct PostgresDecodingFailure: Error, Sendable {
  /// The reason, without the cell's value.
  public let reason: String

  /// Makes a failure; `reason` must not hold the cell's value, because it is shown in logs.
  public init(_ reason: String) {
    self.reason = reason
  }

  static let malformed = PostgresDecodingFailure("malformed bytes")
}

extension PostgresCell {
  /// The bytes, provided the type is one of `accepted` and the cell is not NULL.
  ///
  /// The type is looked at first, so that asking for the wrong one fails on a NULL too.
  public func bytes(of accepted: PostgresType...) throws(PostgresDecodingFailure) -> ArraySlice<UInt8> {
    guard accepted.contains(type) else { throw PostgresDecodingFailure("the type does not fit") }
    guard let bytes else { throw PostgresDecodingFailure("NULL where a value was expected") }
    return bytes
  }

  /// The cell as one big-endian integer, provided the type is `accepted` and the cell is not NULL.
  func integer<Value: FixedWidthInteger>(
    of accepted: PostgresType, as type: Value.Type = Value.self
  ) throws(PostgresDecodingFailure) -> Value {
    guard let value = try bytes(of: accepted).bigEndian(as: type) else { throw .malformed }
    return value
  }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
  /// Reads NULL as nil, and all else as the wrapped type.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    self = cell.bytes == nil ? nil : try Wrapped(cell: cell)
  }
}

/// A type that a cell can be decoded as.
public protocol PostgresDecodable: Sendable {
  /// Decodes a cell.
  ///
  /// - Parameter cell: The cell as the server sent it.
  /// - Throws: ``PostgresDecodingFailure`` if the cell's type does not fit, its bytes are malformed, or it is
  ///   NULL and this type can't represent that.
  init(cell: PostgresCell) throws(PostgresDecodingFailure)
}

/// Why a cell can't be decoded.
///
/// ``Row`` adds the column's name.
public struct PostgresDecodingFailure: Error, Sendable {
  /// The reason, without the cell's value.
  public let reason: String

  /// Creates a failure, whose `reason` must not contain the cell's value because logs show it.
  public init(_ reason: String) {
    self.reason = reason
  }

  static let malformed = PostgresDecodingFailure("malformed bytes")
}

extension PostgresCell {
  /// The bytes, provided that the type is one of `accepted` and the cell is not NULL.
  ///
  /// The type is checked first, so decoding as the wrong type fails on NULL too.
  public func bytes(of accepted: PostgresType...) throws(PostgresDecodingFailure) -> ArraySlice<UInt8> {
    guard accepted.contains(type) else { throw PostgresDecodingFailure("the type does not fit") }
    guard let bytes else { throw PostgresDecodingFailure("NULL where a value was expected") }
    return bytes
  }

  /// The cell as one big-endian integer, provided that the type is `accepted` and the cell is not NULL.
  func integer<Value: FixedWidthInteger>(
    of accepted: PostgresType, as type: Value.Type = Value.self
  ) throws(PostgresDecodingFailure) -> Value {
    guard let value = try bytes(of: accepted).bigEndian(as: type) else { throw .malformed }
    return value
  }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
  /// Decodes NULL as nil, and other values as the wrapped type.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    self = cell.bytes == nil ? nil : try Wrapped(cell: cell)
  }
}

extension String: PostgresDecodable {
  /// Reads the character types, `json` and `jsonb`.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    var bytes = try cell.bytes(of: .text, .varchar, .bpchar, .name, .json, .jsonb, .unknown)
    if cell.type == .jsonb {
      guard bytes.popFirst() == 1 else { throw PostgresDecodingFailure("an unknown version of jsonb") }
    }
    self.init(decoding: bytes, as: UTF8.self)
  }
}

extension Int64: PostgresDecodable {
  /// Reads `smallint`, `integer` and `bigint`.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    switch cell.type {
    case .int2: self = Int64(try cell.integer(of: .int2, as: Int16.self))
    case .int4: self = Int64(try cell.integer(of: .int4, as: Int32.self))
    default: self = try cell.integer(of: .int8)
    }
  }
}

extension Int: PostgresDecodable {
  /// Reads `smallint`, `integer` and `bigint`.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    self = Int(try Int64(cell: cell))
  }
}

extension Int32: PostgresDecodable {
  /// Reads `smallint` and `integer`, but not `bigint`, which might not fit.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    switch cell.type {
    case .int2: self = Int32(try cell.integer(of: .int2, as: Int16.self))
    default: self = try cell.integer(of: .int4)
    }
  }
}

extension Bool: PostgresDecodable {
  /// Reads `boolean`.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    self = try cell.integer(of: .bool, as: UInt8.self) != 0
  }
}

extension PostgresTimestamp: PostgresDecodable {
  /// Reads `timestamptz`, but not `infinity` and `-infinity`.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    guard let value = PostgresTimestamp(wireValue: try cell.integer(of: .timestamptz)) else {
      throw PostgresDecodingFailure("infinity or out of range")
    }
    self = value
  }
}

extension PostgresDate: PostgresDecodable {
  /// Reads `date`, but not `infinity` and `-infinity`.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    guard let value = PostgresDate(wireValue: try cell.integer(of: .date)) else {
      throw PostgresDecodingFailure("infinity or out of range")
    }
    self = value
  }
}

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

extension Double: PostgresDecodable {
  /// Reads `real` and `double precision`.
  public init(cell: PostgresCell) throws(PostgresDecodingFailure) {
    switch cell.type {
    case .float4: self = Double(Float(bitPattern: try cell.integer(of: .float4)))
    default: self = Double(bitPattern: try cell.integer(of: .float8))
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

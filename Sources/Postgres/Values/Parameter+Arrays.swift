extension Parameter {
  /// A `text[]`.
  public static func textArray(_ values: [String]) -> Parameter {
    guard !values.contains(where: \.hasNUL) else { return Parameter(.textArray, nulByte) }
    return array(.textArray, of: .text, values, elementSize: 24) { $0.append(contentsOf: $1.utf8) }
  }

  /// A `text[]` whose elements may be NULL.
  public static func textArray(_ values: [String?]) -> Parameter {
    guard !values.contains(where: { $0?.hasNUL == true }) else { return Parameter(.textArray, nulByte) }
    return nullableArray(.textArray, of: .text, values, elementSize: 24) { $0.append(contentsOf: $1.utf8) }
  }

  /// A `text[]`, or NULL instead of the whole array.
  public static func textArrayOrNull(_ values: [String]?) -> Parameter {
    values.map { textArray($0) } ?? Parameter(.textArray, .null)
  }

  /// A `bigint[]`.
  public static func int8Array(_ values: [Int64]) -> Parameter {
    array(.int8Array, of: .int8, values, elementSize: 8) { $0.append(bigEndian: $1) }
  }

  /// A `bigint[]` whose elements may be NULL.
  public static func int8Array(_ values: [Int64?]) -> Parameter {
    nullableArray(.int8Array, of: .int8, values, elementSize: 8) { $0.append(bigEndian: $1) }
  }

  /// An `integer[]`.
  public static func int4Array(_ values: [Int32]) -> Parameter {
    array(.int4Array, of: .int4, values, elementSize: 4) { $0.append(bigEndian: $1) }
  }

  /// An `integer[]` whose elements may be NULL.
  public static func int4Array(_ values: [Int32?]) -> Parameter {
    nullableArray(.int4Array, of: .int4, values, elementSize: 4) { $0.append(bigEndian: $1) }
  }

  /// A `bytea[]`.
  public static func byteaArray(_ values: [[UInt8]]) -> Parameter {
    array(.byteaArray, of: .bytea, values, elementSize: 32) { $0.append(contentsOf: $1) }
  }

  /// A `bytea[]` whose elements may be NULL.
  public static func byteaArray(_ values: [[UInt8]?]) -> Parameter {
    nullableArray(.byteaArray, of: .bytea, values, elementSize: 32) { $0.append(contentsOf: $1) }
  }

  /// An `inet[]` whose elements may be NULL.
  public static func inetArray(_ values: [PostgresInet?]) -> Parameter {
    nullableArray(.inetArray, of: .inet, values, elementSize: 8) { $1.append(to: &$0) }
  }

  private static func array<Element>(
    _ type: PostgresType, of elementType: PostgresType, _ values: [Element], elementSize: Int,
    _ write: (inout [UInt8], Element) -> Void
  ) -> Parameter {
    var writer = BinaryArrayWriter(
      elementType: elementType, count: values.count, hasNulls: false, elementSize: elementSize)
    for value in values {
      writer.append { write(&$0, value) }
    }
    return Parameter(type, .bytes(writer.bytes))
  }

  private static func nullableArray<Element>(
    _ type: PostgresType, of elementType: PostgresType, _ values: [Element?], elementSize: Int,
    _ write: (inout [UInt8], Element) -> Void
  ) -> Parameter {
    var writer = BinaryArrayWriter(
      elementType: elementType, count: values.count, hasNulls: values.contains { $0 == nil },
      elementSize: elementSize)
    for value in values {
      if let value {
        writer.append { write(&$0, value) }
      } else {
        writer.appendNull()
      }
    }
    return Parameter(type, .bytes(writer.bytes))
  }
}

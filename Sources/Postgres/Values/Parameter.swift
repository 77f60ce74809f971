/// One value for a statement's `$n`: a type and the value's binary form, or NULL.
///
/// Creating one never fails. A value that PostgreSQL can't store, such as a text with a NUL byte, fails with
/// ``PostgresError/Kind/invalidParameter`` on execution, before anything is sent.
public struct Parameter: Sendable {
  /// Values are encoded only when written into the message, so a number or text needs no extra buffer.
  enum Value: Sendable {
    case null
    case int64(Int64)
    case int32(Int32)
    case bool(Bool)
    case text(String)
    case jsonb(String)
    case bytes([UInt8])
    case invalid(reason: String)
  }

  let type: PostgresType
  let value: Value

  init(_ type: PostgresType, _ value: Value) {
    self.type = type
    self.value = value
  }

  /// A `text`, or NULL.
  public static func text(_ value: String?) -> Parameter {
    Parameter(.text, value.map(checkedText) ?? .null)
  }

  /// A `bigint`, or NULL.
  public static func int8(_ value: Int64?) -> Parameter {
    Parameter(.int8, value.map(Value.int64) ?? .null)
  }

  /// An `integer`, or NULL.
  public static func int4(_ value: Int32?) -> Parameter {
    Parameter(.int4, value.map(Value.int32) ?? .null)
  }

  /// A `boolean`, or NULL.
  public static func bool(_ value: Bool?) -> Parameter {
    Parameter(.bool, value.map(Value.bool) ?? .null)
  }

  /// A `bytea`, or NULL.
  public static func bytea(_ value: [UInt8]?) -> Parameter {
    Parameter(.bytea, value.map(Value.bytes) ?? .null)
  }

  /// A `timestamptz`, or NULL.
  public static func timestamptz(_ value: PostgresTimestamp?) -> Parameter {
    guard let value else { return Parameter(.timestamptz, .null) }
    return Parameter(
      .timestamptz, value.wireValue.map(Value.int64) ?? .invalid(reason: "timestamp out of range"))
  }

  /// A `date`, or NULL.
  public static func date(_ value: PostgresDate?) -> Parameter {
    guard let value else { return Parameter(.date, .null) }
    return Parameter(.date, value.wireValue.map(Value.int32) ?? .invalid(reason: "date out of range"))
  }

  /// An `inet`, or NULL.
  public static func inet(_ value: PostgresInet?) -> Parameter {
    guard let value else { return Parameter(.inet, .null) }
    var bytes: [UInt8] = []
    value.append(to: &bytes)
    return Parameter(.inet, .bytes(bytes))
  }

  /// A `jsonb` from JSON text, which the server validates, or NULL.
  public static func jsonb(_ value: String?) -> Parameter {
    guard let value else { return Parameter(.jsonb, .null) }
    return Parameter(.jsonb, value.hasNUL ? nulByte : .jsonb(value))
  }

  private static func checkedText(_ value: String) -> Value {
    value.hasNUL ? nulByte : .text(value)
  }

  /// PostgreSQL's text can't contain U+0000, and C APIs would truncate the text there.
  static let nulByte = Value.invalid(reason: "text contains a NUL byte")
}

extension String {
  /// Whether the text contains U+0000.
  var hasNUL: Bool {
    utf8.withContiguousStorageIfAvailable { $0.contains(0) } ?? utf8.contains(0)
  }
}

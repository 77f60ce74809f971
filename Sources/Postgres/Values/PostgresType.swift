/// A PostgreSQL data type, by its object identifier (OID).
///
/// The constants are the built-in types that this client encodes or decodes. `pg_type.dat` fixes their OIDs
/// for every installation.
public struct PostgresType: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
  /// The type's OID.
  public let rawValue: UInt32

  /// Wraps an OID.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// The type `boolean`.
  public static let bool = PostgresType(rawValue: 16)
  /// The type `bytea`.
  public static let bytea = PostgresType(rawValue: 17)
  /// The type `name`, for identifiers in the system catalogues.
  public static let name = PostgresType(rawValue: 19)
  /// The type `bigint`.
  public static let int8 = PostgresType(rawValue: 20)
  /// The type `smallint`.
  public static let int2 = PostgresType(rawValue: 21)
  /// The type `integer`.
  public static let int4 = PostgresType(rawValue: 23)
  /// The type `text`.
  public static let text = PostgresType(rawValue: 25)
  /// The type `json`.
  public static let json = PostgresType(rawValue: 114)
  /// The type of a bare string literal before its type is resolved.
  public static let unknown = PostgresType(rawValue: 705)
  /// The type `bytea[]`.
  public static let byteaArray = PostgresType(rawValue: 1001)
  /// The type `inet`.
  public static let inet = PostgresType(rawValue: 869)
  /// The type `integer[]`.
  public static let int4Array = PostgresType(rawValue: 1007)
  /// The type `text[]`.
  public static let textArray = PostgresType(rawValue: 1009)
  /// The type `bigint[]`.
  public static let int8Array = PostgresType(rawValue: 1016)
  /// The type `inet[]`.
  public static let inetArray = PostgresType(rawValue: 1041)
  /// The type `character(n)`.
  public static let bpchar = PostgresType(rawValue: 1042)
  /// The type `character varying`.
  public static let varchar = PostgresType(rawValue: 1043)
  /// The type `date`.
  public static let date = PostgresType(rawValue: 1082)
  /// The type `timestamp with time zone`.
  public static let timestamptz = PostgresType(rawValue: 1184)
  /// The type `jsonb`.
  public static let jsonb = PostgresType(rawValue: 3802)

  private static let names: [PostgresType: String] = [
    .bool: "boolean", .bytea: "bytea", .name: "name", .int8: "bigint", .int2: "smallint", .int4: "integer",
    .text: "text", .json: "json", .unknown: "unknown",
    .byteaArray: "bytea[]", .int4Array: "integer[]", .textArray: "text[]",
    .int8Array: "bigint[]", .bpchar: "character", .varchar: "character varying", .date: "date",
    .inet: "inet", .inetArray: "inet[]", .timestamptz: "timestamptz",
    .jsonb: "jsonb",
  ]

  /// The SQL name of a known type, otherwise the OID.
  public var description: String {
    Self.names[self] ?? "type with OID \(rawValue)"
  }
}

/// One row of a result.
///
/// All rows share their result's storage, so keeping one row keeps all of the result in memory.
public struct Row: Sendable {
  private let storage: ResultStorage
  private let index: Int

  init(storage: ResultStorage, index: Int) {
    self.storage = storage
    self.index = index
  }

  /// The columns' names, in order.
  public var columns: [String] { storage.columns }

  /// Decodes the cell of a named column.
  ///
  /// Decode an optional if the cell may be NULL. If names repeat, the first column is used.
  ///
  /// - Parameters:
  ///   - column: The column's name in the result.
  ///   - type: The type to decode as.
  /// - Returns: The value.
  /// - Throws: ``PostgresError`` of kind ``PostgresError/Kind/decoding``, naming the column: there is no such
  ///   column, its type does not fit, or it is NULL and `type` is not optional.
  public func decode<Value: PostgresDecodable>(
    _ column: String, as type: Value.Type = Value.self
  ) throws(PostgresError) -> Value {
    guard let position = storage.columns.firstIndex(of: column) else {
      throw PostgresError(.decoding, reason: "the result has no such column", column: column)
    }
    return try decode(position, as: type)
  }

  /// Decodes the cell at a position, counted from 0, like ``decode(_:as:)-(String,_)``.
  public func decode<Value: PostgresDecodable>(
    _ position: Int, as type: Value.Type = Value.self
  ) throws(PostgresError) -> Value {
    guard storage.columns.indices.contains(position) else {
      throw PostgresError(.decoding, reason: "the result has no column \(position)", column: "#\(position)")
    }
    do {
      return try Value(cell: storage.cell(row: index, column: position))
    } catch {
      throw PostgresError(
        .decoding, reason: "\(storage.types[position]) as \(Value.self): \(error.reason)",
        column: storage.columns[position])
    }
  }
}

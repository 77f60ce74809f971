/// One row of a result.
///
/// Rows share their result's storage: keeping one row keeps all of its result's bytes.
public struct Row: Sendable {
  private let storage: ResultStorage
  private let index: Int

  init(storage: ResultStorage, index: Int) {
    self.storage = storage
    self.index = index
  }

  /// The columns' names, in order.
  public var columns: [String] { storage.columns }

  /// Reads the cell of a named column.
  ///
  /// Ask for an optional where NULL may come. Where names repeat, the first column is meant.
  ///
  /// - Parameters:
  ///   - column: The column's name in the result.
  ///   - type: What to read it as.
  /// - Returns: The value.
  /// - Throws: ``PostgresError`` of kind ``PostgresError/Kind/decoding``, naming the column, if there is no such
  ///   column, its type does not fit, or it holds NULL and `type` is not optional.
  public func decode<Value: PostgresDecodable>(
    _ column: String, as type: Value.Type = Value.self
  ) throws(PostgresError) -> Value {
    guard let position = storage.columns.firstIndex(of: column) else {
      throw PostgresError(.decoding, reason: "the result has no such column", column: column)
    }
    return try decode(position, as: type)
  }

  /// Reads the cell at a position, counted from 0; otherwise like ``decode(_:as:)-(String,_)``.
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

/// All cells of one result, copied out of libpq.
///
/// Its rows share them.
///
/// One buffer for all bytes and one table of offsets: a few allocations per result, regardless of its size.
final class ResultStorage: Sendable {
  /// The position of a cell's bytes.
  ///
  /// A negative length means NULL.
  struct CellRange: Sendable {
    let start: Int
    let length: Int32
  }

  let columns: [String]
  let types: [PostgresType]
  private let bytes: [UInt8]
  private let cells: [CellRange]

  init(columns: [String], types: [PostgresType], bytes: [UInt8], cells: [CellRange]) {
    self.columns = columns
    self.types = types
    self.bytes = bytes
    self.cells = cells
  }

  func cell(row: Int, column: Int) -> PostgresCell {
    let cell = cells[row * columns.count + column]
    guard cell.length >= 0 else { return PostgresCell(type: types[column], bytes: nil) }
    return PostgresCell(type: types[column], bytes: bytes[cell.start..<cell.start + Int(cell.length)])
  }
}

/// One cell as the server sent it: the type and the value in that type's binary format.
public struct PostgresCell: Sendable {
  /// The column's type, or the element's type within an array.
  public let type: PostgresType
  /// The value's bytes, or nil for NULL.
  public let bytes: ArraySlice<UInt8>?
}

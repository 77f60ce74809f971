/// All cells of one result, copied out of libpq: what the rows share.
///
/// One buffer for all bytes and one table of places, so that a result costs a handful of allocations however many
/// cells it has.
final class ResultStorage: Sendable {
  /// Where a cell's bytes are; a negative length means NULL.
  struct Place: Sendable {
    let start: Int
    let length: Int32
  }

  let columns: [String]
  let types: [PostgresType]
  private let bytes: [UInt8]
  private let places: [Place]

  init(columns: [String], types: [PostgresType], bytes: [UInt8], places: [Place]) {
    self.columns = columns
    self.types = types
    self.bytes = bytes
    self.places = places
  }

  func cell(row: Int, column: Int) -> PostgresCell {
    let place = places[row * columns.count + column]
    guard place.length >= 0 else { return PostgresCell(type: types[column], bytes: nil) }
    return PostgresCell(type: types[column], bytes: bytes[place.start..<place.start + Int(place.length)])
  }
}

/// One cell as the server sent it: the type and the value in that type's binary format.
public struct PostgresCell: Sendable {
  /// The column's type, or the element's where the cell is part of an array.
  public let type: PostgresType
  /// The value's bytes; nil for NULL.
  public let bytes: ArraySlice<UInt8>?
}

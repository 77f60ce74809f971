import CLibpq

/// The result of one statement.
public struct QueryResult: Sendable {
  /// The rows, in the server's order.
  ///
  /// Empty for a statement that returns none.
  public let rows: [Row]
  /// The server's command tag, such as `INSERT 0 3`.
  public let commandTag: String
}

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

extension QueryResult {
  /// Copies a result out of libpq's memory.
  ///
  /// All cells must be in binary format.
  init(copying result: OpaquePointer) {
    commandTag = String(cString: PQcmdStatus(result))
    let rowCount = PQntuples(result)
    guard rowCount > 0 else {
      rows = []
      return
    }
    let storage = ResultStorage(copying: result, rowCount: rowCount)
    rows = (0..<Int(rowCount)).map { Row(storage: storage, index: $0) }
  }
}

extension ResultStorage {
  fileprivate convenience init(copying result: OpaquePointer, rowCount: Int32) {
    let columnCount = PQnfields(result)
    var cells: [CellRange] = []
    cells.reserveCapacity(Int(rowCount) * Int(columnCount))
    var size = 0
    for row in 0..<rowCount {
      for column in 0..<columnCount {
        let length = PQgetisnull(result, row, column) == 1 ? -1 : PQgetlength(result, row, column)
        cells.append(CellRange(start: size, length: length))
        size += Int(max(0, length))
      }
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      Self.copyCells(of: result, rowCount: rowCount, columnCount: columnCount, cells: cells, to: buffer)
      count = size
    }
    self.init(
      columns: (0..<columnCount).map { PQfname(result, $0).map { String(cString: $0) } ?? "" },
      types: (0..<columnCount).map { PostgresType(rawValue: PQftype(result, $0)) },
      bytes: bytes, cells: cells)
  }

  private static func copyCells(
    of result: OpaquePointer, rowCount: Int32, columnCount: Int32, cells: [CellRange],
    to buffer: UnsafeMutableBufferPointer<UInt8>
  ) {
    guard let target = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
    var cells = cells.makeIterator()
    for row in 0..<rowCount {
      for column in 0..<columnCount {
        guard let cell = cells.next(), cell.length > 0, let value = PQgetvalue(result, row, column) else {
          continue
        }
        (target + cell.start).copyMemory(from: value, byteCount: Int(cell.length))
      }
    }
  }
}

extension PostgresError {
  /// The fields of an error report.
  ///
  /// Source: PostgreSQL's `postgres_ext.h`, `PG_DIAG_…`.
  private enum Field: Character {
    case severity = "V"
    case sqlState = "C"
    case message = "M"
    case detail = "D"
    case hint = "H"
    case table = "t"
    case column = "c"
    case constraint = "n"
  }

  /// Reads a failed result.
  ///
  /// The connection counts as lost if the server closed it (severity FATAL or PANIC, which covers 57P01 and
  /// similar). It also counts as lost without an SQLSTATE: then libpq itself reports a broken connection,
  /// even if `PQstatus` still says OK.
  ///
  /// - Parameters:
  ///   - result: The failed result. The caller still has to clear it.
  ///   - handle: The connection it came from.
  ///   - wasCancelled: Whether this client requested the cancellation that 57014 reports.
  init(result: OpaquePointer, handle: OpaquePointer, wasCancelled: Bool) {
    func field(_ field: Field) -> String? {
      let code = field.rawValue.asciiValue.map(Int32.init) ?? 0
      return PQresultErrorField(result, code).map { String(cString: $0) }
    }
    let sqlState = field(.sqlState).map(SQLState.init)
    let severity = field(.severity)
    let isLost =
      sqlState == nil || severity == "FATAL" || severity == "PANIC" || PQstatus(handle) != CONNECTION_OK
    let isCancelled = wasCancelled && sqlState == .queryCanceled
    self.init(
      isLost ? .connectionLost : isCancelled ? .cancelled : .server, sqlState: sqlState,
      constraint: field(.constraint), table: field(.table), column: field(.column),
      message: field(.message) ?? String(cString: PQresultErrorMessage(result)), detail: field(.detail),
      hint: field(.hint))
  }
}

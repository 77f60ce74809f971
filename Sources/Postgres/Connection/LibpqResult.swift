import CLibpq

extension QueryResult {
  /// Copies a result, all of whose cells are in binary format, out of libpq's memory.
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
    var places: [Place] = []
    places.reserveCapacity(Int(rowCount) * Int(columnCount))
    var size = 0
    for row in 0..<rowCount {
      for column in 0..<columnCount {
        let length = PQgetisnull(result, row, column) == 1 ? -1 : PQgetlength(result, row, column)
        places.append(Place(start: size, length: length))
        size += Int(max(0, length))
      }
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      Self.copyCells(of: result, rowCount: rowCount, columnCount: columnCount, places: places, to: buffer)
      count = size
    }
    self.init(
      columns: (0..<columnCount).map { PQfname(result, $0).map { String(cString: $0) } ?? "" },
      types: (0..<columnCount).map { PostgresType(rawValue: PQftype(result, $0)) },
      bytes: bytes, places: places)
  }

  private static func copyCells(
    of result: OpaquePointer, rowCount: Int32, columnCount: Int32, places: [Place],
    to buffer: UnsafeMutableBufferPointer<UInt8>
  ) {
    guard let target = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
    var places = places.makeIterator()
    for row in 0..<rowCount {
      for column in 0..<columnCount {
        guard let place = places.next(), place.length > 0, let value = PQgetvalue(result, row, column) else {
          continue
        }
        (target + place.start).copyMemory(from: value, byteCount: Int(place.length))
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
  /// The connection is lost if the server said it was leaving (severity FATAL or PANIC, which covers 57P01 and its
  /// kin) or if there is no SQLSTATE: then the error is libpq's own, about a connection that broke under it, even
  /// where `PQstatus` still says OK.
  ///
  /// - Parameters:
  ///   - result: The failed result; it stays the caller's to clear.
  ///   - handle: The connection it came from.
  ///   - wasCancelled: Whether 57014 is what this client asked for.
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

extension Array<UInt8> {
  /// Appends an integer, most significant byte first.
  mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }
}

extension ArraySlice<UInt8> {
  /// The slice as one integer, most significant byte first, or nil if the lengths differ.
  func bigEndian<Value: FixedWidthInteger>(as type: Value.Type = Value.self) -> Value? {
    guard count == MemoryLayout<Value>.size else { return nil }
    return withUnsafeBytes { Value(bigEndian: $0.loadUnaligned(as: Value.self)) }
  }

  /// Removes and returns an integer from the front.
  ///
  /// Nil if too few bytes are left.
  mutating func takeBigEndian<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> Value? {
    take(MemoryLayout<Value>.size)?.bigEndian()
  }

  /// Removes and returns bytes from the front.
  ///
  /// Nil if too few are left.
  mutating func take(_ length: Int) -> ArraySlice<UInt8>? {
    guard length >= 0, length <= count else { return nil }
    let taken = prefix(length)
    removeFirst(length)
    return taken
  }
}

/// Writes a one-dimensional array in PostgreSQL's binary format.
///
/// All integers have 32 bits. The header is the number of dimensions, whether there are NULLs, and the
/// element type. Each dimension has a length and a lower bound. Each element has a length (-1 for NULL) and
/// its bytes. An empty array has no dimensions. Source: `array_recv` in PostgreSQL's `arrayfuncs.c`.
struct BinaryArrayWriter {
  private(set) var bytes: [UInt8] = []

  init(elementType: PostgresType, count: Int, hasNulls: Bool, elementSize: Int) {
    bytes.reserveCapacity(20 + count * (4 + elementSize))
    bytes.append(bigEndian: Int32(count == 0 ? 0 : 1))
    bytes.append(bigEndian: Int32(hasNulls ? 1 : 0))
    bytes.append(bigEndian: elementType.rawValue)
    guard count > 0 else { return }
    bytes.append(bigEndian: Int32(count))
    bytes.append(bigEndian: Int32(1))
  }

  /// Appends an element and fills in its length afterwards.
  mutating func append(_ write: (inout [UInt8]) -> Void) {
    let start = bytes.count
    bytes.append(bigEndian: Int32(0))
    write(&bytes)
    let length = UInt32(bytes.count - start - 4)
    bytes[start] = UInt8(truncatingIfNeeded: length >> 24)
    bytes[start + 1] = UInt8(truncatingIfNeeded: length >> 16)
    bytes[start + 2] = UInt8(truncatingIfNeeded: length >> 8)
    bytes[start + 3] = UInt8(truncatingIfNeeded: length)
  }

  mutating func appendNull() {
    bytes.append(bigEndian: Int32(-1))
  }
}

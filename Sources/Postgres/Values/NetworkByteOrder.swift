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

/// The parameters of one execution in libpq's layout: one byte buffer and parallel arrays.
///
/// One buffer, because pointers to it are valid only inside a `withUnsafe…` closure. One closure then serves
/// any number of parameters.
struct ParameterBuffer {
  private var bytes: [UInt8] = []
  /// Where each value starts, or nil for NULL.
  private var offsets: [Int?] = []
  private var lengths: [Int32] = []
  /// The values' types, as libpq's `Oid`.
  private(set) var types: [UInt32] = []

  /// Encodes the parameters.
  ///
  /// Throws ``PostgresError/Kind/invalidParameter`` naming the first one that can't be sent.
  init(_ parameters: [Parameter]) throws(PostgresError) {
    // The protocol has 16 bits for the number of parameters.
    guard parameters.count <= Int(UInt16.max) else {
      throw PostgresError(.invalidParameter, reason: "more than 65535 parameters")
    }
    offsets.reserveCapacity(parameters.count)
    lengths.reserveCapacity(parameters.count)
    types.reserveCapacity(parameters.count)
    for (index, parameter) in parameters.enumerated() {
      let start = bytes.count
      if let reason = append(parameter.value) {
        throw PostgresError(.invalidParameter, reason: "$\(index + 1): \(reason)")
      }
      if case .null = parameter.value { offsets.append(nil) } else { offsets.append(start) }
      lengths.append(Int32(truncatingIfNeeded: bytes.count - start))
      types.append(parameter.type.rawValue)
    }
    // A null pointer means NULL to libpq, so even an empty value needs an address.
    bytes.append(0)
    guard bytes.count < Int(Int32.max) else {
      throw PostgresError(.invalidParameter, reason: "parameters of 2 GiB or more")
    }
  }

  /// Appends a value's bytes.
  ///
  /// Returns the reason if it can't.
  private mutating func append(_ value: Parameter.Value) -> String? {
    switch value {
    case .null: break
    case .int64(let number): bytes.append(bigEndian: number)
    case .int32(let number): bytes.append(bigEndian: number)
    case .bool(let flag): bytes.append(flag ? 1 : 0)
    case .text(let text): bytes.append(contentsOf: text.utf8)
    case .jsonb(let text):
      bytes.append(1)  // the version of jsonb's binary format
      bytes.append(contentsOf: text.utf8)
    case .bytes(let value): bytes.append(contentsOf: value)
    case .invalid(let reason): return reason
    }
    return nil
  }

  /// Pointers for libpq, valid only inside `body`.
  struct Pointers {
    let count: Int32
    let types: UnsafePointer<UInt32>?
    let values: UnsafePointer<UnsafePointer<CChar>?>?
    let lengths: UnsafePointer<Int32>?
    let formats: UnsafePointer<Int32>?
  }

  /// Calls `body` with pointers to the parameters, all in binary format.
  func withPointers<Result>(_ body: (Pointers) -> Result) -> Result {
    let formats = [Int32](repeating: 1, count: types.count)
    return bytes.withUnsafeBytes { buffer in
      let values = offsets.map { offset in
        offset.flatMap { buffer.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self) }
      }
      return values.withUnsafeBufferPointer { values in
        lengths.withUnsafeBufferPointer { lengths in
          types.withUnsafeBufferPointer { types in
            formats.withUnsafeBufferPointer { formats in
              body(
                Pointers(
                  count: Int32(types.count), types: types.baseAddress, values: values.baseAddress,
                  lengths: lengths.baseAddress, formats: formats.baseAddress))
            }
          }
        }
      }
    }
  }
}

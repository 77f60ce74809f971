/// CRC-32 as in ISO 3309, zlib and PNG: reflected, polynomial 0x04C11DB7, initial value and final XOR of all ones.
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? (value >> 1) ^ 0xEDB8_8320 : value >> 1
    }
  }

  static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(UInt32.max) { sum, byte in
      (sum >> 8) ^ table[Int((sum ^ UInt32(byte)) & 0xFF)]
    }
  }
}

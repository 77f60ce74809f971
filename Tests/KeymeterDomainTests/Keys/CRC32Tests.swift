import Testing

@testable import KeymeterDomain

@Suite struct CRC32Tests {
  @Test(
    "the sums are those that zlib computes",
    arguments: [
      ([], 0), (Array("a".utf8), 0xE8B7_BE43), (Array("abc".utf8), 0x3524_41C2),
      (Array("123456789".utf8), 0xCBF4_3926),
      (Array("The quick brown fox jumps over the lazy dog".utf8), 0x414F_A339),
      (Array(repeating: 0, count: 32), 0x190A_55AD), (Array(repeating: 0xFF, count: 32), 0xFF6C_AB0B),
      (Array(0...255), 0x2905_8C73),
    ] as [([UInt8], UInt32)])
  func knownVectors(bytes: [UInt8], sum: UInt32) {
    #expect(CRC32.checksum(bytes) == sum)
  }
}

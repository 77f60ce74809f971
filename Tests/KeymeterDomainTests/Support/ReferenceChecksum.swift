/// An independent, bitwise implementation of the key checksum.
func referenceChecksum(of payload: String) -> String {
  var sum: UInt32 = 0xFFFF_FFFF
  for byte in payload.utf8 {
    for bit in 0..<8 {
      let carry = (sum & 1) ^ UInt32(byte >> bit & 1)
      sum = carry == 1 ? (sum >> 1) ^ 0xEDB8_8320 : sum >> 1
    }
  }
  var rest = ~sum
  var text = ""
  for _ in 0..<6 {
    text.insert(base62Characters[Int(rest % 62)], at: text.startIndex)
    rest /= 62
  }
  return text
}

let base62Characters = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

import Testing

@testable import KeymeterHandlers

@Suite("JSON reader: damaged documents")
struct JSONMutationTests {
  /// Bytes that have a meaning for the reader, so that damage with them reaches deeper code.
  private static let telling =
    Array("{}[]\",:\\/ubntrf0123456789.eE+- \n\t".utf8)
    + [0, 0x1F, 0x7F, 0x80, 0xA0, 0xBB, 0xBF, 0xC0, 0xC3, 0xE2, 0xED, 0xEF, 0xF0, 0xF4, 0xFF]

  private static let seeds = [
    #"{"friendly_name":"Clinic é","usage_limit":100000,"monthly_token_limit":null,"scopes":["*"]}"#,
    #"[1,-0.5e+10,true,false,null,"\ud83d\uDDDD\n\"\\",{"a":{"b":[[],{}]}}]"#,
    #"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10}"#,
    String(repeating: "[", count: 31) + "0" + String(repeating: "]", count: 31),
  ]

  @Test("A damaged document is read or rejected without a crash, and what is read survives a round trip")
  func mutations() throws {
    var random = JSONTestGenerator(seed: 2026)
    var accepted = 0
    for round in 0..<20_000 {
      let document =
        round % 2 == 0
        ? Array(Self.seeds[round / 2 % Self.seeds.count].utf8)
        : JSONWriter.bytes(of: random.value(depth: 4))
      let damaged = Self.damage(document, &random)
      if let error = JSONReader.rejection(of: damaged) {
        #expect(0...damaged.count ~= error.offset && !error.description.isEmpty)
      } else {
        accepted += 1
        let value = try JSONReader.read(damaged)
        #expect(try JSONReader.read(JSONWriter.bytes(of: value)) == value)
        #expect(String(validating: damaged, as: UTF8.self) != nil)
      }
    }
    // The test is only useful if both outcomes are common.
    #expect(1000...19_000 ~= accepted)
  }

  @Test("Every proper prefix of a document is rejected at or before its end")
  func beginnings() {
    for document in Self.seeds {
      let bytes = Array(document.utf8)
      for length in 0..<bytes.count {
        #expect(JSONReader.rejection(of: Array(bytes[..<length])) != nil)
      }
    }
  }

  /// Changes a document in one to three places.
  private static func damage(_ document: [UInt8], _ random: inout JSONTestGenerator) -> [UInt8] {
    var result = document
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let index = Int.random(in: 0...result.count, using: &random)
      let byte = Bool.random(using: &random) ? telling.randomElement(using: &random) : nil
      let damage = byte ?? UInt8.random(in: 0...255, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0 where index < result.count: result[index] = damage
      case 1 where index < result.count: result.remove(at: index)
      case 2: result.removeSubrange(index...)
      case 3:
        let end = Int.random(in: index...result.count, using: &random)
        result.insert(contentsOf: result[index..<end], at: index)
      default: result.insert(damage, at: index)
      }
    }
    return result
  }
}

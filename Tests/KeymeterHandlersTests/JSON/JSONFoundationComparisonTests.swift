import Foundation
import Testing

@testable import KeymeterHandlers

/// Everything that Keymeter reads, Foundation must read as the same value.
///
/// The reverse is not tested, because Keymeter is stricter by design. Numbers beyond a Double's range are left out:
/// Foundation rejects them, and Keymeter only reports that they are not integers.
@Suite("JSON reader and writer against Foundation")
struct JSONFoundationComparisonTests {
  @Test("Foundation reads the writer's output as the same value")
  func writtenValues() throws {
    var random = JSONTestGenerator(seed: 5)
    for _ in 0..<500 {
      try expectAgreement(on: JSONWriter.bytes(of: random.value()))
    }
  }

  @Test("Foundation accepts every damaged document that the reader accepts")
  func damagedDocuments() throws {
    var random = JSONTestGenerator(seed: 6)
    var accepted = 0
    for _ in 0..<10_000 {
      var bytes = JSONWriter.bytes(of: random.value(depth: 4))
      let index = Int.random(in: 0..<bytes.count, using: &random)
      bytes[index] = UInt8.random(in: 0x20...0x7E, using: &random)
      guard JSONReader.rejection(of: bytes) == nil else { continue }
      accepted += 1
      try expectAgreement(on: bytes)
    }
    #expect(accepted > 500)
  }

  private func expectAgreement(on bytes: [UInt8]) throws {
    let ours = try JSONReader.read(bytes)
    guard ours.fitsDoubles else { return }
    let data = Data(bytes)
    let document = String(decoding: bytes, as: UTF8.self)
    #expect(throws: Never.self, "\(document)") {
      try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
    }
    let theirs = try JSONDecoder().decode(FoundationValue.self, from: data)
    #expect(theirs.agrees(with: ours), "\(document)")
  }
}

/// A JSON value as decoded by Foundation.
private enum FoundationValue: Decodable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([FoundationValue])
  case object([String: FoundationValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([FoundationValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: FoundationValue].self))
    }
  }

  func agrees(with value: JSONValue) -> Bool {
    switch (self, value) {
    case (.null, .null): true
    case (.bool(let theirs), .bool(let ours)): theirs == ours
    case (.number(let theirs), .number(let ours)): theirs == Double(ours.text)
    case (.string(let theirs), .string(let ours)): ExactString(theirs) == ExactString(ours)
    case (.array(let theirs), .array(let ours)):
      theirs.count == ours.count && zip(theirs, ours).allSatisfy { $0.agrees(with: $1) }
    case (.object(let theirs), .object(let ours)):
      // A dictionary merges canonically equivalent names, so only acceptance is compared.
      theirs.count != Set(ours.members.map(\.name)).count
        ? false
        : theirs.count != ours.members.count
          || ours.members.allSatisfy { theirs[$0.name]?.agrees(with: $0.value) ?? false }
    default: false
    }
  }
}

extension JSONValue {
  /// Whether every number in the value roughly fits a Double.
  fileprivate var fitsDoubles: Bool {
    switch self {
    case .number(let number): Double(number.text)?.isFinite ?? false
    case .array(let elements): elements.allSatisfy(\.fitsDoubles)
    case .object(let object): object.members.allSatisfy(\.value.fitsDoubles)
    default: true
    }
  }
}

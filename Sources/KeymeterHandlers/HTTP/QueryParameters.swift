import Hummingbird

/// The decoded parameters of a query, in order.
struct QueryParameters {
  private let pairs: [(name: String, value: String)]

  /// - Throws: `RequestRejection.invalidQuery` for a percent sign without two hexadecimal digits and for invalid UTF-8.
  init(of request: Request) throws(RequestRejection) { try self.init(request.uri.query ?? "") }

  init(_ query: String) throws(RequestRejection) {
    var pairs: [(String, String)] = []
    for part in query.utf8.split(separator: UInt8(ascii: "&")) {
      let separator = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
      guard let name = Self.decoded(part[..<separator]),
        let value = Self.decoded(part[separator...].dropFirst())
      else {
        throw .invalidQuery([FieldViolation(field: "", message: "has an invalid percent-encoding")])
      }
      pairs.append((name, value))
    }
    self.pairs = pairs
  }

  /// The value of a parameter, or `nil` if it is absent.
  ///
  /// - Throws: `RequestRejection.invalidQuery` if it is repeated.
  func single(_ name: String) throws(RequestRejection) -> String? {
    let values = pairs.filter { $0.name == name }
    guard values.count <= 1 else {
      throw .invalidQuery([FieldViolation(field: name, message: "must not be repeated")])
    }
    return values.first?.value
  }

  /// All values of a repeatable parameter, in order.
  func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

  /// The most unknown parameters in a response, so that it can't grow far beyond the request.
  private static let mostUnknownNamed = 16

  /// Rejects all other parameters.
  ///
  /// - Throws: `RequestRejection.invalidQuery`.
  func allow(_ names: Set<String>) throws(RequestRejection) {
    let unknown = pairs.map(\.name).filter { !names.contains($0) }
    guard unknown.isEmpty else {
      throw .invalidQuery(
        unknown.prefix(Self.mostUnknownNamed).map {
          FieldViolation(field: RedactedName.of($0), message: "is not a known parameter")
        })
    }
  }

  private static func decoded(_ part: Substring.UTF8View) -> String? {
    var bytes: [UInt8] = []
    var rest = part[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
          return nil
        }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

extension FixedWidthInteger {
  /// Reads decimal digits without a sign, or fails for any other text and for a number that doesn't fit.
  init?(digits text: String) {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    self.init(text)
  }
}

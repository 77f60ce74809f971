import HTTPTypes
import KeymeterTesting

/// Hostile requests from a seed.
///
/// Equal seeds give equal requests on every machine, except for the keys in them.
struct HostileGenerator {
  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  /// The next request: a valid call that is broken in one to three places.
  mutating func request(of caller: HostileCaller) -> HostileRequest {
    let call = pick(HostileCall.allCases)
    var id = pick(caller.targets)
    if call.namesKeyInPath, chance(4) { id = chance(2) ? text() : HostileRequest.encoded(bytes()) }
    var request = call.request(of: caller, on: id)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      switch Int.random(in: 0..<10, using: &random) {
      case 0...3: spoilBody(&request, of: call, id)
      case 4...6: spoilQuery(&request, of: call, id)
      case 7...8: spoilHeaders(&request, caller)
      default: spoilTarget(&request)
      }
    }
    return request
  }

  // MARK: The body

  private mutating func spoilBody(_ request: inout HostileRequest, of call: HostileCall, _ id: String) {
    guard var members = call.members(id), !chance(8) else {
      request.body = pick(HostileJSON.bodies)
      return
    }
    switch Int.random(in: 0..<5, using: &random) {
    case 0 where !members.isEmpty:
      members[Int.random(in: 0..<members.count, using: &random)].value = value()
    case 1:
      members.append(
        (name: chance(2) ? text() : (members.randomElement(using: &random)?.name ?? "a"), value: value()))
    case 2 where !members.isEmpty:
      members.remove(at: Int.random(in: 0..<members.count, using: &random))
    case 3:
      var body = request.body ?? []
      damage(&body)
      request.body = body
      return
    default:
      members = members.map { chance(3) ? (name: $0.name, value: value()) : $0 }
    }
    request.body = HostileCall.object(members)
  }

  /// A JSON value, or nearly one.
  private mutating func value() -> String {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: pick(HostileJSON.values)
    case 1: number()
    default: HostileJSON.string(text())
    }
  }

  private mutating func number() -> String {
    let sign = chance(3) ? "-" : ""
    let whole = String(random.next() >> UInt64.random(in: 0..<64, using: &random))
    let fraction = chance(4) ? ".\(random.next())" : ""
    let exponent = chance(3) ? "e\(Int.random(in: -400...400, using: &random))" : ""
    return sign + whole + fraction + exponent
  }

  /// Changes, removes, adds or repeats some bytes.
  private mutating func damage(_ bytes: inout [UInt8]) {
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let index = Int.random(in: 0...bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0 where index < bytes.count: bytes[index] = UInt8.random(in: 0...255, using: &random)
      case 1 where index < bytes.count: bytes.remove(at: index)
      case 2 where chance(4): bytes.removeSubrange(index...)
      case 3: bytes.insert(contentsOf: bytes[index...].prefix(100), at: index)
      default: bytes.insert(contentsOf: pick(HostileBytes.pieces), at: index)
      }
    }
  }

  // MARK: The query

  private mutating func spoilQuery(_ request: inout HostileRequest, of call: HostileCall, _ id: String) {
    var parameters = call.query(id).map { (name: $0.name, value: HostileRequest.encoded($0.value.utf8)) }
    switch Int.random(in: 0..<5, using: &random) {
    case 0: parameters.append((name: HostileRequest.encoded(bytes()), value: HostileRequest.encoded(bytes())))
    case 1:
      var raw = Array(request.query.utf8)
      damage(&raw)
      request.query = String(decoding: raw, as: UTF8.self)
      return
    case 2:
      if let twice = parameters.randomElement(using: &random) { parameters.append(twice) }
    case 3:
      request.query = String(repeating: pick(["&", "=", "%", "a=b&", "scope=a&", "+"]), count: 2_000)
      return
    default:
      guard !parameters.isEmpty else { break }
      let index = Int.random(in: 0..<parameters.count, using: &random)
      let isCursor = parameters[index].name == "cursor" && chance(2)
      parameters[index].value = isCursor ? cursor() : HostileRequest.encoded(bytes())
    }
    request.query = parameters.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
  }

  /// Something similar to a cursor of a listing or of the audit log.
  private mutating func cursor() -> String {
    let time = String(random.next() >> UInt64.random(in: 0..<20, using: &random), radix: 16)
    let place = String(repeating: "0", count: 16 - min(16, time.count)) + time
    let id = String(String(random.next(), radix: 36).prefix(Int.random(in: 0...20, using: &random)))
    var cursor = Array((chance(4) ? "" : "cur_").utf8) + Array((place + id).utf8)
    if chance(2) { damage(&cursor) }
    return HostileRequest.encoded(cursor)
  }

  // MARK: Headers, method, path

  private static let names = [
    "X-API-Key", "X-Scrubs-Clinic-Api-Key", "X-Scrubs-Clinic-Provider", "X-Request-Id", "Idempotency-Key",
    "Idempotency-Key", "Idempotency-Key", "Content-Type", "Content-Length", "X-Keymeter-Charge",
    "X-Keymeter-Require-Scope", "X-Keymeter-Require-Environment", "Accept", "Expect", "X-Forwarded-For",
    "Transfer-Encoding", "X-HTTP-Method-Override", "traceparent",
  ]

  private mutating func spoilHeaders(_ request: inout HostileRequest, _ caller: HostileCaller) {
    let name = HTTPField.Name.hostile(pick(Self.names))
    if name == .hostile("X-API-Key") || name == .hostile("X-Scrubs-Clinic-Api-Key"), chance(2) {
      request.headers[name] = key(like: caller.key)
      return
    }
    let field = HTTPField(name: name, lenientValue: headerValue(name))
    if chance(4) { request.headers.append(field) } else { request.headers[fields: name] = [field] }
  }

  private mutating func headerValue(_ name: HTTPField.Name) -> [UInt8] {
    if name == .hostile("Idempotency-Key") { return idempotencyKey() }
    if name == .hostile("X-Keymeter-Charge"), chance(2) {
      let dimension = pick(["requests", "tokens", "stt_secs", "scopes", ""])
      return Array("\(dimension)\(pick(["=", " = ", "==", ""]))\(number())\(pick([",", ", ,", ""]))".utf8)
    }
    return bytes()
  }

  /// Bare, quoted, or half quoted.
  private mutating func idempotencyKey() -> [UInt8] {
    var key = bytes()
    if chance(2) { key = Array("\"".utf8) + key + Array(pick(["\"", "", "\" ", "\\\"", "\"; a=1"]).utf8) }
    if chance(4) {
      key = Array(String(repeating: "k", count: Int.random(in: 250...260, using: &random)).utf8)
    }
    return key
  }

  /// A key similar to the caller's.
  mutating func key(like key: String) -> String {
    var bytes = Array(key.utf8)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: return key + text()
    case 1: return text() + key
    case 2: return key.uppercased()
    case 3: return String(repeating: key, count: Int.random(in: 2...1_000, using: &random))
    default: damage(&bytes)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static let methods = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "PROPFIND",
  ]

  private mutating func spoilTarget(_ request: inout HostileRequest) {
    switch Int.random(in: 0..<4, using: &random) {
    case 0, 1: request.method = HTTPRequest.Method(pick(Self.methods)) ?? .get
    case 2:
      request.path += pick([
        "/", "//", "/.", "/..", "%00", "%2f", ";a=b", "/" + HostileRequest.encoded(bytes()),
      ])
    default: request.path = request.path.replacing("/", with: pick(["//", "/./", "%2F", "\\"]))
    }
  }

  // MARK: Random choices

  /// A text of the corpus or a random one.
  private mutating func text() -> String {
    guard chance(4) else { return pick(HostileText.all) }
    return String(decoding: (0..<Int.random(in: 0..<40, using: &random)).map { _ in unit() }, as: UTF16.self)
  }

  /// A UTF-16 code unit, possibly a surrogate without its pair.
  private mutating func unit() -> UInt16 {
    let ranges: [ClosedRange<UInt16>] = [
      0...0x1F, 0x20...0x7E, 0x7F...0x24F, 0x300...0x36F, 0xD800...0xDFFF, 0...0xFFFF,
    ]
    return UInt16.random(in: pick(ranges), using: &random)
  }

  /// Random bytes, which need not be text.
  private mutating func bytes() -> [UInt8] {
    chance(3) ? Array("a".utf8) + pick(HostileBytes.pieces) : Array(text().utf8)
  }

  /// True once in `count` times.
  private mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }

  private mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &random)]
  }
}

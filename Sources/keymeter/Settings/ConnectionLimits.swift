import NIOCore

/// What one client may ask of the server's time and memory before it is shut out.
struct ConnectionLimits: Sendable {
  static let connectionsName = "KEYMETER_CONNECTIONS"

  /// The most connections at once; further ones are turned away with 503.
  var connections = 20_000
  /// Whether somebody asked for that number, and so wants to know where it can't be had.
  var connectionsAreNamed = false
  /// The most bytes of a request's line and header fields; more are answered 431.
  var headerBytes = 32 * 1_024
  /// The most header fields of a request; more are answered 431.
  var headerFields = 100
  /// How long a request may take to arrive whole, and an answer to be taken.
  var requestTime = TimeAmount.seconds(20)
  /// After this a connection on which nothing happens is closed.
  var idleTime = TimeAmount.seconds(75)

  init() {}

  init(_ source: SettingsSource) throws(SettingError) {
    let named = try source.number(Self.connectionsName, in: 1...1_000_000)
    connections = named ?? connections
    connectionsAreNamed = named != nil
    headerBytes = try source.number("KEYMETER_HEADER_BYTES", in: 1_024...1_048_576) ?? headerBytes
    headerFields = try source.number("KEYMETER_HEADER_FIELDS", in: 10...10_000) ?? headerFields
    let request = try source.number("KEYMETER_REQUEST_SECONDS", in: 1...3_600)
    requestTime = request.map { .seconds(Int64($0)) } ?? requestTime
    let idle = try source.number("KEYMETER_IDLE_SECONDS", in: 1...86_400)
    idleTime = idle.map { .seconds(Int64($0)) } ?? idleTime
  }
}

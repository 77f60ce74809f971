import NIOCore

/// The limits on connections and requests.
struct ConnectionLimits: Sendable {
  static let connectionsName = "KEYMETER_CONNECTIONS"

  /// The maximum number of connections.
  ///
  /// Further ones receive 503.
  var connections = 20_000
  /// Whether the operator set that number, and so should be warned if fewer fit.
  var connectionsAreNamed = false
  /// The maximum size of a request's line and header fields.
  ///
  /// Larger requests receive 431.
  var headerBytes = 32 * 1_024
  /// The maximum number of header fields in a request.
  ///
  /// More receive 431.
  var headerFields = 100
  /// How long a client may take to send a request, and to read a response.
  var requestTime = TimeAmount.seconds(20)
  /// How long a connection may be idle before it is closed.
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

import SystemPackage

/// The server's command line, and the two ways in which it is written down.
struct ServerArguments: Sendable {
  /// `-c`, `name=value`, and so on, in a fixed order.
  let values: [String]
  private let data: FilePath

  init(_ options: PostgresCluster.Options, _ layout: ClusterLayout) throws(EmbeddedPostgresError) {
    try Self.validate(options, layout)
    var settings = options.settings
    // Ours last: a caller's setting must not open a port or close the socket.
    settings["listen_addresses"] = options.tcpPort == nil ? "" : "127.0.0.1"
    settings["port"] = String(layout.port)
    settings["unix_socket_directories"] = layout.socketDirectory.string
    settings["hba_file"] = layout.hostRules.string
    settings["ident_file"] = layout.userMap.string
    values = settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
    data = layout.data
  }

  /// As `pg_ctl -o` takes them: pg_ctl hands the text to a shell.
  var shellQuoted: String {
    values.map { value in
      "'" + value.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }.joined(separator: " ")
  }

  /// True if the running server was started with these, by the record that it keeps itself.
  var areThoseOfTheRunningServer: Bool {
    guard let record = Files.read(data.appending("postmaster.opts")) else { return false }
    return record.hasSuffix((["-D", data.string] + values).map { " \"\($0)\"" }.joined() + "\n")
  }

  private static func validate(
    _ options: PostgresCluster.Options, _ layout: ClusterLayout
  ) throws(EmbeddedPostgresError) {
    // pg_ctl puts these paths in a shell command between double quotes.
    if let character = layout.location.string.first(where: { "\"$`\\\n".contains($0) }) {
      throw .invalidOption("the directory's path contains the character \(character.debugDescription)")
    }
    if let port = options.tcpPort, !(1...65_535).contains(port) {
      throw .invalidOption("\(port) is not a TCP port")
    }
    for (name, value) in options.settings {
      let isName = !name.isEmpty && name.utf8.allSatisfy { isNameByte($0) }
      guard isName, !value.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\n") }) else {
        throw .invalidOption("the setting \(name.debugDescription) has characters that can't be passed on")
      }
    }
    if let role = options.roles.first(where: { $0.isEmpty || $0.utf8.contains { $0 < 0x20 } }) {
      throw .invalidOption("the role name \(role.debugDescription) is empty or has control characters")
    }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."): true
    default: false
    }
  }
}

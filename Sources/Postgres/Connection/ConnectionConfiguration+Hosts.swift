extension ConnectionConfiguration {
  /// A configuration for each host that the connection string names, in its order, to ask each one by itself.
  ///
  /// They connect to a host whether or not it can be written to. A name that stands for several addresses is one host.
  ///
  /// - Parameter connectTimeout: the longest that connecting may take, whatever the connection string says; libpq counts
  ///   whole seconds, at least 2.
  /// - Returns: at least one configuration: where no host is named, libpq has a default.
  public func eachHost(connectTimeout: Duration) -> [ConnectionConfiguration] {
    let names = list("host")
    let addresses = list("hostaddr")
    let ports = list("port")
    return (0..<max(1, names.count, addresses.count)).map { place in
      var settings = settings.filter { !Self.describesHosts.contains($0.keyword) }
      for (keyword, values) in [("host", names), ("hostaddr", addresses), ("port", ports)] {
        // One port is meant for all hosts.
        guard let value = values.count == 1 ? values[0] : place < values.count ? values[place] : nil else {
          continue
        }
        settings.append(Setting(keyword: keyword, value: value))
      }
      settings.append(Setting(keyword: "target_session_attrs", value: "any"))
      settings.append(
        Setting(
          keyword: "connect_timeout", value: String(max(2, (connectTimeout.wholeMilliseconds + 999) / 1000))))
      return ConnectionConfiguration(self, settings: settings)
    }
  }

  /// Which of several hosts are connected to, as libpq has it: `read-write`, `any` and so on.
  public var targetSessionAttributes: String? {
    settings.first { $0.keyword == "target_session_attrs" }?.value
  }

  private static let describesHosts: Set = [
    "host", "hostaddr", "port", "target_session_attrs", "connect_timeout",
  ]

  private func list(_ keyword: String) -> [String] {
    guard let setting = settings.first(where: { $0.keyword == keyword }) else { return [] }
    return setting.value.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
  }

  /// The same, with statements prepared on the server.
  var preparing: ConnectionConfiguration {
    ConnectionConfiguration(self, settings: settings, preparedStatements: true)
  }

  private init(_ other: ConnectionConfiguration, settings: [Setting], preparedStatements: Bool? = nil) {
    connectTimeout = other.connectTimeout
    statementTimeout = other.statementTimeout
    self.preparedStatements = preparedStatements ?? other.preparedStatements
    role = other.role
    self.settings = settings
  }
}

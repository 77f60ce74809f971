extension ConnectionConfiguration {
  /// One configuration for each host in the connection string, in its order.
  ///
  /// Each connects whether or not the host accepts writes. A name with several addresses counts as one host.
  ///
  /// - Parameter connectTimeout: The connect timeout, which overrides the connection string. libpq counts
  ///   whole seconds, at least 2.
  /// - Returns: At least one configuration, because libpq has a default host.
  public func eachHost(connectTimeout: Duration) -> [ConnectionConfiguration] {
    let names = list("host")
    let addresses = list("hostaddr")
    let ports = list("port")
    return (0..<max(1, names.count, addresses.count)).map { position in
      var settings = settings.filter { !Self.describesHosts.contains($0.keyword) }
      for (keyword, values) in [("host", names), ("hostaddr", addresses), ("port", ports)] {
        // A single port applies to all hosts.
        guard let value = values.count == 1 ? values[0] : position < values.count ? values[position] : nil
        else {
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

  /// Which hosts libpq accepts, such as `read-write` or `any`.
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

  /// The same configuration, with prepared statements.
  package var preparing: ConnectionConfiguration {
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

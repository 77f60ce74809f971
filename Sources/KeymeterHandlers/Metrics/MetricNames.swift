/// What every metric is called; dashboards and alerts hold on to these.
enum MetricNames {
  /// Counter: failed authentications, by `reason` and by whether they `count` against an address's limit.
  static let authenticationFailures = "keymeter_authentication_failures_total"
  /// Counter: requests that were refused because too many authentications from their address had failed.
  static let authenticationRefusals = "keymeter_authentication_refusals_total"
  /// Gauge: addresses with failures that still count.
  static let authenticationAddresses = "keymeter_authentication_addresses"
}

public import PrometheusMetrics

/// Every metric of the service; dashboards and alerts hold on to the names.
///
/// No label's value is ever a client's, nor a tenant's: whoever may read the metrics learns of neither.
public enum MetricCatalogue {
  /// All of them.
  public static let all =
    requests + admission + authentication + database + jobs + process

  // MARK: Requests

  /// Answers, by route (the template), method and status.
  public static let answers = MetricDeclaration(
    "keymeter_http_requests_total", .counter, "Requests that were answered.",
    labels: ["route", "method", "status"])
  /// How long answers took, from the request's head to the answer's.
  public static let answerDuration = MetricDeclaration(
    "keymeter_http_request_duration_seconds", .histogram(.seconds(latencies)),
    "Time from the arrival of a request's head until its answer was made.", labels: ["route", "method"])
  /// Open connections.
  public static let connections = MetricDeclaration(
    "keymeter_connections", .gauge, "Connections of clients that are open.")
  /// How many may be open.
  public static let connectionLimit = MetricDeclaration(
    "keymeter_connections_limit", .gauge, "Connections of clients that may be open.")
  /// Those beyond the limit.
  public static let connectionsRefused = MetricDeclaration(
    "keymeter_connections_rejected_total", .counter,
    "Connections that were turned away because too many were open.")

  private static let requests = [
    answers, answerDuration, connections, connectionLimit, connectionsRefused,
  ]

  /// From half a millisecond to ten seconds: an admission takes one to ten milliseconds, and none more than seven
  /// seconds.
  private static let latencies = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  // MARK: Admission

  /// Decisions on charges.
  public static let admissions = MetricDeclaration(
    "keymeter_admissions_total", .counter,
    "Charges that were decided on by verify and reserve; the dimension is the first limit that was exceeded.",
    labels: ["call", "outcome", "dimension"])
  /// Requests of a batch.
  public static let batchSize = MetricDeclaration(
    "keymeter_admission_batch_size", .histogram(.whole([1, 2, 4, 8, 16, 32, 64, 96])),
    "Verifications that were judged together.")
  /// How long verifications waited for a worker.
  public static let queueWait = MetricDeclaration(
    "keymeter_admission_queue_wait_seconds", .histogram(.seconds(latencies)),
    "Time that a verification waited until its batch began.")
  /// Verifications that wait.
  public static let queueDepth = MetricDeclaration(
    "keymeter_admission_queue_depth", .gauge, "Verifications that wait for their batch.")
  /// How many may wait.
  public static let queueLimit = MetricDeclaration(
    "keymeter_admission_queue_limit", .gauge, "Verifications that may wait; one more is answered 503.")
  /// Those beyond the limit.
  public static let queueRefusals = MetricDeclaration(
    "keymeter_admission_queue_rejections_total", .counter,
    "Verifications that were answered 503 because too many waited.")

  private static let admission = [
    admissions, batchSize, queueWait, queueDepth, queueLimit, queueRefusals,
  ]

  // MARK: Failed authentications

  /// Failed authentications.
  public static let authenticationFailures = MetricDeclaration(
    "keymeter_authentication_failures_total", .counter,
    "Failed authentications, by reason and by whether they count against an address's limit.",
    labels: ["reason", "counted"])
  /// Requests that were refused because too many authentications from their address had failed.
  public static let authenticationRefusals = MetricDeclaration(
    "keymeter_authentication_rejections_total", .counter,
    "Requests that were refused because too many authentications from their address had failed.")
  /// Addresses with failures that still count.
  public static let authenticationAddresses = MetricDeclaration(
    "keymeter_authentication_addresses", .gauge, "Addresses with failures that still count.")

  private static let authentication = [
    authenticationFailures, authenticationRefusals, authenticationAddresses,
  ]

  // MARK: The database

  /// Whether the node is ready.
  public static let ready = MetricDeclaration(
    "keymeter_ready", .gauge, "1 if the node can work, 0 if not: the database answers and its schema fits.")
  /// Connections to PostgreSQL.
  public static let poolConnections = MetricDeclaration(
    "keymeter_pool_connections", .gauge, "Connections to PostgreSQL, by pool and by what they are doing.",
    labels: ["pool", "state"])
  /// How many connections a pool may have.
  public static let poolLimit = MetricDeclaration(
    "keymeter_pool_connections_limit", .gauge, "Connections to PostgreSQL that a pool may have.",
    labels: ["pool"])
  /// Callers that wait for a connection.
  public static let poolWaiting = MetricDeclaration(
    "keymeter_pool_waiting", .gauge, "Callers that wait for a connection of a pool.", labels: ["pool"])

  private static let database = [ready, poolConnections, poolLimit, poolWaiting]

  // MARK: Jobs

  /// How often jobs were done.
  public static let jobRuns = MetricDeclaration(
    "keymeter_job_runs_total", .counter, "Completed background jobs, by name.", labels: ["name"])
  /// How often jobs failed.
  public static let jobFailures = MetricDeclaration(
    "keymeter_job_failures_total", .counter, "Failed runs of background jobs, by name.", labels: ["name"])
  /// When a job was last done.
  public static let jobLastSuccess = MetricDeclaration(
    "keymeter_job_last_success_timestamp_seconds", .gauge,
    "When the job last succeeded, in seconds since 1970; 0 if never.", labels: ["name"])
  /// Reservations that this node has ended.
  public static let reservationsExpired = MetricDeclaration(
    "keymeter_reservations_expired_total", .counter,
    "Reservations that this node has ended because their time was over.")
  /// How many coming months have a partition.
  public static let partitionsAhead = MetricDeclaration(
    "keymeter_usage_partitions_ahead", .gauge,
    "Coming months in a row that usage_daily has a partition for; -1 if the present one has none.")
  /// Keys that are yet to move to the current pepper.
  public static let pepperKeysLeft = MetricDeclaration(
    "keymeter_keys_to_rehash", .gauge, "Keys that another pepper than the current one guards.")

  private static let jobs = [
    jobRuns, jobFailures, jobLastSuccess, reservationsExpired, partitionsAhead, pepperKeysLeft,
  ]

  // MARK: The process

  /// The version that runs.
  public static let buildInfo = MetricDeclaration(
    "keymeter_build_info", .gauge, "Always 1; the version is in the label.", labels: ["version"])
  /// When the process started.
  public static let processStart = MetricDeclaration(
    "process_start_time_seconds", .gauge, "When the process started, as seconds since 1970.")

  private static let process = [buildInfo, processStart]
}

public import PrometheusMetrics

/// All metrics of the service.
///
/// Dashboards and alerts depend on the names.
///
/// No label identifies a client or a tenant, so `/metrics` needs no credentials.
public enum MetricCatalogue {
  /// All metrics.
  public static let all =
    requests + admission + authentication + database + jobs + process

  // MARK: Requests

  /// Responses, by route template, method and status.
  public static let answers = MetricDeclaration(
    "keymeter_http_requests_total", .counter, "Requests answered.",
    labels: ["route", "method", "status"])
  /// Time from a request's head to its response.
  public static let answerDuration = MetricDeclaration(
    "keymeter_http_request_duration_seconds", .histogram(.seconds(latencies)),
    "Time from the arrival of a request's head until its response was ready.", labels: ["route", "method"])
  /// Open client connections.
  public static let connections = MetricDeclaration(
    "keymeter_connections", .gauge, "Open client connections.")
  /// The connection limit.
  public static let connectionLimit = MetricDeclaration(
    "keymeter_connections_limit", .gauge, "Maximum number of open client connections.")
  /// Connections beyond the limit.
  public static let connectionsRejected = MetricDeclaration(
    "keymeter_connections_rejected_total", .counter,
    "Client connections rejected because the limit was reached.")

  private static let requests = [
    answers, answerDuration, connections, connectionLimit, connectionsRejected,
  ]

  /// From half a millisecond to ten seconds.
  ///
  /// An admission usually takes one to ten milliseconds, and at most seven seconds.
  private static let latencies = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  // MARK: Admission

  /// Admission decisions.
  public static let admissions = MetricDeclaration(
    "keymeter_admissions_total", .counter,
    "Admission decisions of verify and reserve. The dimension is the first exceeded limit.",
    labels: ["call", "outcome", "dimension"])
  /// Requests per batch.
  public static let batchSize = MetricDeclaration(
    "keymeter_admission_batch_size", .histogram(.whole([1, 2, 4, 8, 16, 32, 64, 96])),
    "Verify requests per admission batch.")
  /// Time that verify requests waited for a worker.
  public static let queueWait = MetricDeclaration(
    "keymeter_admission_queue_wait_seconds", .histogram(.seconds(latencies)),
    "Time that a verify request waited for its batch.")
  /// Queued verify requests.
  public static let queueDepth = MetricDeclaration(
    "keymeter_admission_queue_depth", .gauge, "Verify requests waiting for a batch.")
  /// The queue's limit.
  public static let queueLimit = MetricDeclaration(
    "keymeter_admission_queue_limit", .gauge,
    "Maximum number of waiting verify requests. Further ones get 503.")
  /// Verify requests beyond the queue's limit.
  public static let queueRejections = MetricDeclaration(
    "keymeter_admission_queue_rejections_total", .counter,
    "Verify requests answered 503 because the queue was full.")

  private static let admission = [
    admissions, batchSize, queueWait, queueDepth, queueLimit, queueRejections,
  ]

  // MARK: Failed authentications

  /// Failed authentications.
  public static let authenticationFailures = MetricDeclaration(
    "keymeter_authentication_failures_total", .counter,
    "Failed authentications, by reason and by whether they count against the address's limit.",
    labels: ["reason", "counted"])
  /// Requests from addresses over the limit of failed authentications.
  public static let authenticationRejections = MetricDeclaration(
    "keymeter_authentication_rejections_total", .counter,
    "Requests rejected because too many authentications from their address had failed.")
  /// Addresses with recent failures.
  public static let authenticationAddresses = MetricDeclaration(
    "keymeter_authentication_addresses", .gauge, "Addresses with failures that still count against them.")

  private static let authentication = [
    authenticationFailures, authenticationRejections, authenticationAddresses,
  ]

  // MARK: The database

  /// Whether the node is ready.
  public static let ready = MetricDeclaration(
    "keymeter_ready", .gauge, "1 if the node is ready: the database answers and its schema fits. Otherwise 0."
  )
  /// Connections to PostgreSQL.
  public static let poolConnections = MetricDeclaration(
    "keymeter_pool_connections", .gauge, "Connections to PostgreSQL, by pool and state.",
    labels: ["pool", "state"])
  /// The limit of a pool.
  public static let poolLimit = MetricDeclaration(
    "keymeter_pool_connections_limit", .gauge, "Maximum number of connections of a pool.",
    labels: ["pool"])
  /// Callers waiting for a connection.
  public static let poolWaiting = MetricDeclaration(
    "keymeter_pool_waiting", .gauge, "Callers waiting for a connection of a pool.", labels: ["pool"])

  private static let database = [ready, poolConnections, poolLimit, poolWaiting]

  // MARK: Jobs

  /// Successful job runs.
  public static let jobRuns = MetricDeclaration(
    "keymeter_job_runs_total", .counter, "Completed background jobs, by name.", labels: ["name"])
  /// Failed job runs.
  public static let jobFailures = MetricDeclaration(
    "keymeter_job_failures_total", .counter, "Failed runs of background jobs, by name.", labels: ["name"])
  /// The time of a job's last success.
  public static let jobLastSuccess = MetricDeclaration(
    "keymeter_job_last_success_timestamp_seconds", .gauge,
    "When the job last succeeded, in seconds since 1970; 0 if never.", labels: ["name"])
  /// Reservations expired by this node.
  public static let reservationsExpired = MetricDeclaration(
    "keymeter_reservations_expired_total", .counter,
    "Reservations expired by this node.")
  /// Future months with a partition.
  public static let partitionsAhead = MetricDeclaration(
    "keymeter_usage_partitions_ahead", .gauge,
    "Consecutive future months with a partition of usage_daily, or -1 if the current month has none.")
  /// Keys not yet hashed with the current pepper.
  public static let pepperKeysLeft = MetricDeclaration(
    "keymeter_keys_to_rehash", .gauge, "Keys whose secret is hashed with another pepper than the current one."
  )

  private static let jobs = [
    jobRuns, jobFailures, jobLastSuccess, reservationsExpired, partitionsAhead, pepperKeysLeft,
  ]

  // MARK: The process

  /// The running version.
  public static let buildInfo = MetricDeclaration(
    "keymeter_build_info", .gauge, "Always 1. The label has the version.", labels: ["version"])
  /// When the process started.
  public static let processStart = MetricDeclaration(
    "process_start_time_seconds", .gauge, "Start time of the process in seconds since 1970.")

  private static let process = [buildInfo, processStart]
}

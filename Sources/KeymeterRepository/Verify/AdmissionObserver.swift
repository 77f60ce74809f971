/// Receives measurements of queued requests.
///
/// It is called for every verification, so it must not block or take long.
public protocol AdmissionObserver: Sendable {
  /// A batch starts.
  ///
  /// - Parameter waits: How long each of its requests has waited.
  func began(waits: [Duration])
  /// A request was rejected because the queue is full.
  func rejected()
}

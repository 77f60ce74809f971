/// Authenticates and charges a key in one step, the hot path.
///
/// For every key, month and dimension, the admitted total never exceeds the limit, under any concurrency and
/// on any number of nodes (contract §5).
public protocol AdmissionControl: Sendable {
  /// Judges one request, and charges it if it is admitted.
  ///
  /// - Throws: `StoreError.unavailable`, also if too many requests are queued. The charge may or may not have
  ///   been made.
  func admit(_ request: AdmissionRequest) async throws -> Admission

  /// Like `admit`, for callers that don't await the result.
  ///
  /// - Parameter complete: Called once, on any thread. Must not block.
  func admit(
    _ request: AdmissionRequest, then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void)
}

extension AdmissionControl {
  /// Runs `admit` in a new task.
  public func admit(
    _ request: AdmissionRequest, then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void
  ) {
    Task {
      let result: Result<Admission, any Error>
      do { result = .success(try await admit(request)) } catch { result = .failure(error) }
      complete(result)
    }
  }
}

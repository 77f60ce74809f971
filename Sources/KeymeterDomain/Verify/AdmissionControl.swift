/// Authenticates and charges in one step: the meter's hot path.
///
/// For every key, month and dimension, what is admitted never exceeds the limit, under any concurrency and on
/// any number of nodes (contract §5).
public protocol AdmissionControl: Sendable {
  /// Judges one request, and charges it if it is admitted.
  ///
  /// - Throws: `StoreError.unavailable`, also where too many requests wait already; whether the charge was
  ///   made may then be unknown.
  func admit(_ request: AdmissionRequest) async throws -> Admission

  /// Does the same for a caller that doesn't wait.
  ///
  /// - Parameter complete: is called once, on any thread, and must not block.
  func admit(
    _ request: AdmissionRequest, then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void)
}

extension AdmissionControl {
  /// Waits in a task of its own.
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

/// Hears what happens to verifications between their arrival and their batch, for whoever measures it.
///
/// It is called on the way of every verification, and must neither block nor take long.
public protocol AdmissionObserver: Sendable {
  /// A batch begins.
  ///
  /// - Parameter waits: how long each of its requests has waited.
  func began(waits: [Duration])
  /// A request was refused because too many wait.
  func refused()
}

import KeymeterTesting
import Synchronization

/// Records the calls of transactions in order.
final class Recorder: Sendable {
  private let calls = Mutex<[StoreCall]>([])

  var all: [StoreCall] { calls.withLock { $0 } }

  func note(_ call: StoreCall) { calls.withLock { $0.append(call) } }
}

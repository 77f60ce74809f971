import KeymeterTesting
import Synchronization

/// The calls that a store was asked for, in order.
final class Recorder: Sendable {
  private let calls = Mutex<[StoreCall]>([])

  var all: [StoreCall] { calls.withLock { $0 } }

  func note(_ call: StoreCall) { calls.withLock { $0.append(call) } }
}

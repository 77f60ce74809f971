import Synchronization

/// A value that the tasks of a test share.
final class Shared<Value: Sendable>: Sendable {
  private let state: Mutex<Value>

  init(_ value: Value) { state = Mutex(value) }

  var value: Value {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

extension Shared<Int> {
  func increment() { state.withLock { $0 += 1 } }
}

extension Shared {
  /// Adds to a list.
  func append<Element: Sendable>(_ element: Element) where Value == [Element] {
    state.withLock { $0.append(element) }
  }
}

/// A change to an optional value: keep, clear or set it.
public enum OptionalChange<Value: Sendable & Hashable>: Sendable, Hashable {
  case unchanged
  case cleared
  case set(Value)

  /// The value after the change, nil if absent.
  public func applied(to value: Value?) -> Value? {
    switch self {
    case .unchanged: value
    case .cleared: nil
    case .set(let value): value
    }
  }
}

/// A change to a limit.
///
/// A key without a limit is unrestricted.
public typealias LimitChange = OptionalChange<Int64>

/// A change to a key's address list.
///
/// A key without a list may be used from anywhere.
public typealias AddressListChange = OptionalChange<AddressList>

/// What becomes of something that may be absent: left as it is, cleared, or set.
public enum OptionalChange<Value: Sendable & Hashable>: Sendable, Hashable {
  case unchanged
  case cleared
  case set(Value)

  /// What becomes of `value`; absent is `nil`.
  public func applied(to value: Value?) -> Value? {
    switch self {
    case .unchanged: value
    case .cleared: nil
    case .set(let value): value
    }
  }
}

/// What becomes of a limit; without one a key is unrestricted.
public typealias LimitChange = OptionalChange<Int64>

/// What becomes of a key's list of addresses; without one it may be used from anywhere.
public typealias AddressListChange = OptionalChange<AddressList>

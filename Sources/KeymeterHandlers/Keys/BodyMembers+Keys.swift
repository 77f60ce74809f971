import KeymeterDomain

/// The members of a new key that both dialects have under different names.
extension BodyMembers {
  /// `PRODUCTION`, `STAGING` or `DEVELOPMENT`.
  mutating func environment(_ name: String) -> KeyEnvironment? {
    guard let text = text(name) else { return nil }
    return checked { () throws(ValidationFailure) in try KeyEnvironment(validating: text, field: name) }
  }

  /// 1 to 100 scopes without duplicates.
  mutating func scopes(_ name: String) -> [Scope]? {
    guard let value = take(name) else { return nil }
    guard case .array(let elements) = value, (1...100).contains(elements.count) else {
      reject(name, "must be an array of 1 to 100 strings")
      return nil
    }
    var scopes: [Scope] = []
    for (index, element) in elements.enumerated() {
      let field = "\(name)[\(index)]"
      guard case .string(let text) = element else {
        reject(field, "must be a string")
        continue
      }
      let scope = checked { () throws(ValidationFailure) in try Scope(validating: text, field: field) }
      if let scope, !scopes.contains(scope) { scopes.append(scope) }
    }
    return scopes
  }

  /// RFC 3339 with a zone, or `null` for never.
  ///
  /// The database's clock decides whether it is in the future.
  mutating func expiry(_ name: String) -> Timestamp? {
    guard let text = nullableText(name) else { return nil }
    guard let expiry = Timestamp(rfc3339: text) else {
      reject(name, "must be an RFC 3339 date and time with a zone")
      return nil
    }
    return expiry
  }

  /// The client addresses that may use the key: 1 to 50 addresses or ranges without duplicates, or `null` for all.
  mutating func allowedAddresses(_ name: String) -> AddressListChange {
    switch take(name) {
    case nil: return .unchanged
    case .null: return .cleared
    case .array(let elements) where AddressList.sizes.contains(elements.count):
      let ranges = elements.enumerated().compactMap { index, element in
        range(element, field: "\(name)[\(index)]")
      }
      return .set(AddressList(ranges))
    default:
      let sizes = AddressList.sizes
      reject(
        name, "must be an array of \(sizes.lowerBound) to \(sizes.upperBound) addresses or ranges, or null")
      return .unchanged
    }
  }

  private mutating func range(_ element: JSONValue, field: String) -> AddressRange? {
    guard case .string(let text) = element else {
      reject(field, "must be a string")
      return nil
    }
    return checked { () throws(ValidationFailure) in try AddressRange(validating: text, field: field) }
  }

  /// Rejects the body if a member is absent.
  mutating func require(_ name: String) {
    if take(name) == nil { reject(name, "is required") }
  }
}

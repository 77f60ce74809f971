/// The addresses from which a key may be used: any address in these ranges.
public struct AddressList: Sendable, Hashable {
  /// The allowed number of ranges in a list.
  public static let sizes: ClosedRange<Int> = 1...50

  /// The ranges without duplicates, in the order given.
  public let ranges: [AddressRange]

  /// Creates a list from at least one range, dropping duplicates.
  public init(_ ranges: [AddressRange]) {
    var seen: Set<AddressRange> = []
    self.ranges = ranges.filter { seen.insert($0).inserted }
  }

  /// Whether a key with this list may be used from the address.
  ///
  /// False for an unknown address.
  public func allows(_ address: IPAddress?) -> Bool {
    guard let address else { return false }
    return ranges.contains { $0.contains(address) }
  }

  /// Whether each range of the other list lies within a single range of this list.
  ///
  /// A range that only several ranges cover together does not count.
  public func covers(_ other: AddressList) -> Bool {
    other.ranges.allSatisfy { range in ranges.contains { $0.contains(range) } }
  }
}

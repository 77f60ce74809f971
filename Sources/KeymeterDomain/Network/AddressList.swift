/// From where a key may be used: any address of one of these ranges.
public struct AddressList: Sendable, Hashable {
  /// How many ranges a list may have.
  public static let sizes: ClosedRange<Int> = 1...50

  /// The ranges, each once, in the order in which they were given.
  public let ranges: [AddressRange]

  /// A list of ranges, of which there is at least one; one that is given twice is kept once.
  public init(_ ranges: [AddressRange]) {
    var seen: Set<AddressRange> = []
    self.ranges = ranges.filter { seen.insert($0).inserted }
  }

  /// Whether a key with this list may be used from the address; one that isn't known is none of the list.
  public func allows(_ address: IPAddress?) -> Bool {
    guard let address else { return false }
    return ranges.contains { $0.contains(address) }
  }

  /// Whether each range of the other list lies within one of this list.
  ///
  /// A range that only several of this list cover together does not count.
  public func covers(_ other: AddressList) -> Bool {
    other.ranges.allSatisfy { range in ranges.contains { $0.contains(range) } }
  }
}

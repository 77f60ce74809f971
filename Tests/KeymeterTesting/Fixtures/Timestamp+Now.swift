import FoundationEssentials
public import KeymeterDomain

extension Timestamp {
  /// This machine's clock, for the in-memory store.
  public static var now: Timestamp {
    Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000))
  }
}

import KeymeterDomain
import Postgres

extension PostgresInet {
  /// Converts the domain's address.
  init(_ address: IPAddress) {
    switch address.family {
    case .ipv4: self.init(ipv4: UInt32(truncatingIfNeeded: address.bits))
    case .ipv6: self.init(ipv6: address.bits)
    }
  }
}

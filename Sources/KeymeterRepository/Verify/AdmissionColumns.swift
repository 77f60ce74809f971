import KeymeterDomain
import Postgres

/// Requests as parameter columns for `admit_many` and `admit_groups`, filled in one pass.
struct AdmissionColumns {
  private var hashes: [[UInt8]] = []
  private var providers: [String?] = []
  private var requests: [Int64] = []
  private var tokens: [Int64] = []
  private var speechSeconds: [Int64] = []
  private var scopes: [String?] = []
  private var environments: [String?] = []
  private var addresses: [PostgresInet?] = []

  init(capacity: Int) {
    hashes.reserveCapacity(capacity)
    providers.reserveCapacity(capacity)
    requests.reserveCapacity(capacity)
    tokens.reserveCapacity(capacity)
    speechSeconds.reserveCapacity(capacity)
    scopes.reserveCapacity(capacity)
    environments.reserveCapacity(capacity)
    addresses.reserveCapacity(capacity)
  }

  /// Appends a candidate hash.
  mutating func append(hash: [UInt8]) { hashes.append(hash) }

  /// Appends a request without its hashes.
  ///
  /// - Parameter address: The common address of all requests that it represents.
  mutating func append(_ request: AdmissionRequest, from address: IPAddress?) {
    providers.append(request.provider?.rawValue)
    requests.append(request.charge.requests)
    tokens.append(request.charge.tokens)
    speechSeconds.append(request.charge.speechSeconds)
    scopes.append(request.scopeList)
    environments.append(request.requiredEnvironment?.rawValue)
    addresses.append(address.map { PostgresInet($0) })
  }

  var parameters: [Parameter] {
    [
      .byteaArray(hashes), .textArray(providers), .int8Array(requests), .int8Array(tokens),
      .int8Array(speechSeconds), .textArray(scopes), .textArray(environments),
      .inetArray(addresses),
    ]
  }
}

extension AdmissionRequest {
  /// The parameters of `admit`, which takes one request.
  var parameters: [Parameter] {
    [
      .byteaArray(hashes.map(\.bytes)), .text(provider?.rawValue), .int8(charge.requests),
      .int8(charge.tokens),
      .int8(charge.speechSeconds), .text(scopeList), .text(requiredEnvironment?.rawValue),
      .inet(address.map { PostgresInet($0) }),
    ]
  }

  fileprivate var scopeList: String? {
    requiredScopes.isEmpty ? nil : requiredScopes.map(\.rawValue).joined(separator: " ")
  }
}

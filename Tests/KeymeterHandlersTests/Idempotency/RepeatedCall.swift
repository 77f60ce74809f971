import HTTPTypes
import KeymeterDomain
import KeymeterTesting

@testable import KeymeterHandlers

/// The calls that take an `Idempotency-Key`.
///
/// Each is made by a root key and has an effect that tests can count.
enum RepeatedCall: CaseIterable {
  case create, reserve, record

  var path: String {
    switch self {
    case .create: Call.path
    case .reserve: RuntimeOperation.reserve.path
    case .record: RuntimeOperation.record.path
    }
  }

  /// The default body, and another valid one.
  var bodies: (String, other: String) {
    switch self {
    case .create: (#"{"friendly_name":"Till"}"#, #"{"friendly_name":"Desk"}"#)
    case .reserve, .record: (#"{"requests":2}"#, #"{"requests":3}"#)
    }
  }

  var status: Int { self == .record ? 200 : 201 }

  /// - Parameter name: the header's value, or `nil` for no header.
  func call(_ name: String?, body: String? = nil, by key: IssuedKey) -> Call {
    let call = Call(.post, path).sending(Array((body ?? bodies.0).utf8))
      .with(.keyHeader, key.secret.revealed).with(.providerHeader, "home")
    return call.with(.idempotencyKeyHeader, name)
  }

  /// How many times the call has taken effect for `key`.
  func effects(of key: IssuedKey, on service: Service) async throws -> Int {
    switch self {
    case .create: try await service.keysOfHome().count { !$0.root }
    case .reserve: Int(try await service.reserved(by: key).requests) / 2
    case .record: Int(try await service.used(by: key).requests) / 2
    }
  }
}

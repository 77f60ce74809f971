import Foundation
import KeymeterDomain
import Testing

@Suite struct ReporterKeysTests {
  private static let identifier = "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c"
  private static let key =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAdAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw=="
  private static let message =
    #"[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]"#
  private static let signature =
    "MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg=="

  @Test("GitHub's published sample message verifies, and any other does not")
  func sample() throws {
    let keys = try ReporterKeys([(Self.identifier, Self.bytes(Self.key))])
    let (message, signature) = (Array(Self.message.utf8), try Self.bytes(Self.signature))
    #expect(keys.contains(Self.identifier))
    #expect(keys.isSigned(message, by: Self.identifier, signature: signature))
    #expect(!keys.isSigned(message + [0x0A], by: Self.identifier, signature: signature))
    #expect(!keys.isSigned(message, by: "other", signature: signature))
    for position in signature.indices {
      var changed = signature
      changed[position] ^= 1
      #expect(!keys.isSigned(message, by: Self.identifier, signature: changed), "byte \(position)")
    }
  }

  @Test("An unusable key set is rejected with the name of its setting")
  func unusable() throws {
    let key = try Self.bytes(Self.key)
    let sets: [[(String, [UInt8])]] = [
      [], [("", key)], [("a b", key)], [("a", [])], [("a", Array(key.dropLast()))], [("a", key), ("a", key)],
      [(String(repeating: "a", count: 129), key)],
    ]
    for set in sets {
      let failure = #expect(throws: ValidationFailure.self) { try ReporterKeys(set) }
      #expect(failure?.errors.map(\.field) == ["KEYMETER_GITHUB_SECRET_SCANNING_KEYS"])
    }
  }

  private static func bytes(_ text: String) throws -> [UInt8] {
    Array(try #require(Data(base64Encoded: text)))
  }
}

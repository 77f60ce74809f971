import KeymeterDomain
import KeymeterServer
import SystemPackage

/// The text that `keymeter dev` prints once it serves.
struct DevGreeting: Sendable {
  let scheme: String
  let host: String
  let environmentFile: FilePath
  let demo: DemoOrganisation?

  func print(port: Int) {
    StandardStream.output.write(line: text(port: port))
  }

  private func text(port: Int) -> String {
    let settings = "Settings for other commands:  set -a; . \(environmentFile); set +a"
    guard let demo else {
      return """

        Keymeter serves \(scheme)://\(host):\(port)
        \(settings)
        A new root key, if you lost yours:  keymeter key create-root --provider-id demo

        Ctrl-C stops it.
        """
    }
    return """

      Keymeter serves \(scheme)://\(host):\(port)
      \(settings)

      Demo organisation
        provider id  \(demo.provider)
        root key     \(demo.rootKey.revealed)   (shown this once)

      Try it:
        curl -sS \(scheme)://\(host):\(port)/api/v1/api-key -H 'X-Scrubs-Clinic-Provider: \(demo.provider)' -H \
      'X-Scrubs-Clinic-Api-Key: \(demo.rootKey.revealed)'

      Ctrl-C stops it.
      """
  }
}

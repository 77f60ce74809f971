import KeymeterHandlers
import ServiceLifecycle

/// Tells the metrics, while the server runs, how many addresses fail to authenticate.
struct AuthenticationGauges: Service {
  let watch: AuthenticationWatch

  private static let interval = Duration.seconds(5)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        watch.recordGauges()
        try? await Task.sleep(for: Self.interval)
      }
    }
  }
}

import HTTPTypes
import HummingbirdCore
import KeymeterHandlers
import Logging
import NIOCore

/// An HTTP/1 connection whose handling runs on the connection's own event loop.
///
/// Otherwise each request would change threads from the loop to the concurrency pool and back. Nothing that a
/// handler does blocks: what waits for PostgreSQL does so on the threads of the database's connections.
struct EventLoopChannel: ServerChildChannel {
  private let base: HTTP1Channel

  /// - Parameters:
  ///   - keymeter: answers verifications, without the detour through the application.
  ///   - application: answers all else.
  init(
    keymeter: KeymeterResponder, application: @escaping HTTPChannelHandler.Responder,
    configuration: HTTP1Channel.Configuration, logger: Logger
  ) {
    let date = DateField()
    base = HTTP1Channel(
      responder: { request, writer, channel in
        guard var response = await keymeter.verification(request, logger: logger) else {
          return try await application(request, writer, channel)
        }
        response.headers.append(HTTPField(name: .date, value: date.current))
        try await writer.write(response: response.head, body: response.body)
      },
      configuration: configuration)
  }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
    base.setup(channel: channel, logger: logger)
  }

  func handle(value: HTTP1Channel.Value, logger: Logger) async {
    await withTaskExecutorPreference(EventLoopExecutor(loop: value.channel.eventLoop)) {
      await base.handle(value: value, logger: logger)
    }
  }
}

/// Runs a task's jobs on an event loop.
private final class EventLoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

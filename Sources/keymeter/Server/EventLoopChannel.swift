import HummingbirdCore
import KeymeterHandlers
import Logging
import NIOCore

/// An HTTP/1 connection that answers verifications by itself, and whose other requests are handled on its event loop.
///
/// Otherwise each request would change threads from the loop to the concurrency pool and back. Nothing that a
/// handler does blocks: what waits for PostgreSQL does so on the threads of the database's connections.
struct EventLoopChannel: ServerChildChannel {
  let base: HTTP1Channel
  let responder: KeymeterResponder
  let date = DateField()

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
    base.setup(channel: channel, logger: logger).flatMapThrowing { value in
      let pipeline = channel.pipeline.syncOperations
      let verification = VerificationChannelHandler(responder: responder, date: date, logger: logger)
      // Behind what counts the requests under way, so that none is cut off by the server's end.
      try pipeline.addHandler(
        verification, position: .after(try pipeline.handler(type: HTTPConnectionStateHandler.self)))
      return value
    }
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

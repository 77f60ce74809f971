import HummingbirdCore
import KeymeterHandlers
import Logging
import NIOCore
import NIOHTTP1
import NIOSSL

/// An HTTP/1 connection that answers verifications itself and handles other requests on its event loop.
///
/// Otherwise each request would hop from the event loop to the concurrency pool and back. Handlers never
/// block: waiting for PostgreSQL happens on the database connections' threads.
struct ServerChannel: ServerChildChannel {
  private let base: HTTP1Channel
  private let responder: KeymeterResponder
  private let limits: ConnectionLimits
  private let connections: ConnectionCount
  private let metrics: ConnectionMetrics
  private let tls: TLSIdentity?
  private let drain: Drain
  private let writeBuffers: WriteBufferLimit
  private let date = DateField()

  /// The maximum bytes read from a connection at once.
  ///
  /// Many small requests fit, and all are answered before other connections of the same event loop get a
  /// turn.
  private static let longestRead = 16 * 1_024

  /// - Parameters:
  ///   - responder: Answers verifications, bypassing the application.
  ///   - application: Handles all other requests.
  ///   - connections: Counts and limits connections.
  ///   - tls: The TLS identity, or nil for plain HTTP.
  ///   - drain: Tells when connections must close after their next response.
  ///   - writeBuffers: Limits the unsent bytes of all connections together.
  init(
    responder: KeymeterResponder, application: @escaping HTTPChannelHandler.Responder,
    limits: ConnectionLimits, connections: ConnectionCount, metrics: ConnectionMetrics, tls: TLSIdentity?,
    drain: Drain, writeBuffers: WriteBufferLimit
  ) {
    base = HTTP1Channel(
      responder: application,
      configuration: HTTP1Channel.Configuration(
        idleTimeout: limits.idleTime,
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes,
          maxHeaderFieldCount: limits.headerFields)))
    self.responder = responder
    self.limits = limits
    self.connections = connections
    self.metrics = metrics
    self.tls = tls
    self.drain = drain
    self.writeBuffers = writeBuffers
  }

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
    let isWithinLimit = connections.enter()
    if !isWithinLimit { metrics.rejected() }
    channel.closeFuture.whenComplete { [connections] _ in connections.leave() }
    let connectionGuard = ConnectionGuard(
      timeout: limits.requestTime, drain: drain, writeBuffers: writeBuffers)
    do {
      let pipeline = channel.pipeline.syncOperations
      try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
      try channel.syncOptions?.setOption(
        .recvAllocator,
        value: AdaptiveRecvByteBufferAllocator(minimum: 1_024, initial: 2_048, maximum: Self.longestRead))
      if isWithinLimit, let tls {
        try pipeline.addHandler(NIOSSLServerHandler(context: tls.context))
      }
      try pipeline.addHandler(ArrivalObserver(notifying: connectionGuard, isEncrypted: tls != nil))
    } catch {
      return channel.eventLoop.makeFailedFuture(error)
    }
    let ready = base.setup(channel: channel, logger: logger)
    return ready.assumeIsolated().flatMapThrowing { value in
      let pipeline = channel.pipeline.syncOperations
      // Directly after the decoder, so that it sees every request and response.
      let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
      let first: any ChannelHandler =
        isWithinLimit ? connectionGuard : ConnectionLimitHandler(isEncrypted: tls != nil)
      try pipeline.addHandler(first, position: .after(decoder))
      // After the handler that counts requests in flight, so that shutdown waits for these too.
      let count = try pipeline.handler(type: HTTPConnectionStateHandler.self)
      try pipeline.addHandler(
        VerificationChannelHandler(responder: responder, date: date, logger: logger), position: .after(count))
      return value
    }.nonisolated()
  }

  func handle(value: HTTP1Channel.Value, logger: Logger) async {
    await withTaskExecutorPreference(EventLoopExecutor(loop: value.channel.eventLoop)) {
      await base.handle(value: value, logger: logger)
    }
  }
}

/// Runs a task on an event loop.
private final class EventLoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

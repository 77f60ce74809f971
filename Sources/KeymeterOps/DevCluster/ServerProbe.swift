import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Asks a server for a sign of life over its socket.
enum ServerProbe {
  /// Sends an `SSLRequest`, which every server answers with one byte before any authentication.
  ///
  /// - Returns: False if there is no answer within 2 s.
  static func answers(_ socketPath: FilePath) async throws -> Bool {
    guard let descriptor = connect(to: socketPath) else { return false }
    defer { close(descriptor) }
    // Length 8, then the code 1234.5679 (PostgreSQL documentation, 55.7 Message Formats).
    let request: [UInt8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]
    guard send(descriptor, request, request.count, noSignal) == request.count else { return false }
    for _ in 0..<200 {
      var byte: UInt8 = 0
      let count = recv(descriptor, &byte, 1, 0)
      if count >= 0 { return count == 1 }
      guard errno == EAGAIN || errno == EINTR else { return false }
      try await Task.sleep(for: .milliseconds(10))
    }
    return false
  }

  /// A connected socket that never blocks a thread, or nil if nobody listens.
  private static func connect(to path: FilePath) -> Int32? {
    let descriptor = socket(AF_UNIX, stream, 0)
    guard descriptor >= 0 else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { target in
      guard path.string.utf8.count < target.count else { return false }
      target.copyBytes(from: path.string.utf8)
      return true
    }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let prepared =
      fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 && fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { systemConnect(descriptor, $0, size) == 0 }
    }
    guard fits, prepared, connected else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  #if canImport(Glibc)
    private static let stream = Int32(SOCK_STREAM.rawValue)
  #else
    private static let stream = SOCK_STREAM
  #endif

  #if canImport(Darwin)
    private static let noSignal: Int32 = 0x80000
  #else
    private static let noSignal = Int32(MSG_NOSIGNAL)
  #endif
}

/// `connect(2)`, which inside `ServerProbe` is hidden by the method of the same name.
private func systemConnect(
  _ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t
) -> Int32 { connect(descriptor, address, size) }

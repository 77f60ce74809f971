import FoundationEssentials
import KeymeterTesting
import SystemPackage

/// Starts a gateway with its configuration from `deploy/`.
struct GatewaySetup: Sendable {
  let kind: Gateway.Kind
  /// A private directory for its configuration and output.
  let directory: String
  let verifier: Int
  let upstream: Int

  private static let project = FilePath(#filePath).removingLastComponent().removingLastComponent()
    .removingLastComponent().removingLastComponent()

  /// An nginx location that sets no requirements.
  static let withoutTerms = "/forgotten"

  /// nginx locations that redirect internally to another one.
  ///
  /// They require `orders:read` and charge one request. Their target requires `refunds:write` and charges seven. Only
  /// `withoutTerms` redirects to a location without requirements.
  enum Redirect: String, CaseIterable, Sendable {
    case byTryFiles = "/tried"
    case byIndex = "/listed/"
    case byErrorPage = "/missed"
    case byRewrite = "/rewritten"
    case withoutTerms = "/inherited"
  }

  private static let nginxLocations = """
        location \(withoutTerms) {
            proxy_pass http://protected;
        }

        location /refunds {
            set $keymeter_terms "requests=7&scope=refunds:write";
            proxy_pass http://protected;
        }

        location \(Redirect.byTryFiles.rawValue) {
            set $keymeter_terms "requests=1&scope=orders:read";
            try_files /nothing /refunds;
        }

        location \(Redirect.byIndex.rawValue) {
            set $keymeter_terms "requests=1&scope=orders:read";
            index /refunds;
        }

        location \(Redirect.byErrorPage.rawValue) {
            set $keymeter_terms "requests=1&scope=orders:read";
            error_page 401 403 500 = @keymeter_refusal;
            error_page 502 = /refunds;
            recursive_error_pages on;
            proxy_pass http://127.0.0.1:1;
        }

        location \(Redirect.byRewrite.rawValue) {
            set $keymeter_terms "requests=1&scope=orders:read";
            rewrite ^ /refunds last;
        }

        location \(Redirect.withoutTerms.rawValue) {
            set $keymeter_terms "requests=1&scope=orders:read";
            try_files /nothing \(withoutTerms);
        }


    """

  /// Starts the program, to listen on this port.
  func start(on port: Int) async throws -> ServerProcess {
    let (file, arguments) = try writeConfiguration(port)
    return try await ServerProcess.start(
      arguments + [file], environment: ["HOME": directory], in: FilePath(directory), program: try program())
  }

  private func writeConfiguration(_ port: Int) throws -> (file: String, arguments: [String]) {
    switch kind {
    case .nginx:
      let text = try shipped("nginx/keymeter.conf", listening: ("listen 8000;", "listen 127.0.0.1:\(port);"))
      try write(
        text.replacing("    location / {", with: Self.nginxLocations + "    location / {"), "keymeter.conf")
      return (try write(nginxFrame, "nginx.conf"), ["-p", directory, "-c"])
    case .caddy:
      let text = try shipped("caddy/Caddyfile", listening: (":8000 {", ":\(port) {"))
      return (try write(Self.caddyFrame + text, "Caddyfile"), ["run", "--adapter", "caddyfile", "--config"])
    case .envoy:
      let text = try shipped(
        "envoy/envoy.yaml",
        listening: ("address: 0.0.0.0, port_value: 8000", "address: 127.0.0.1, port_value: \(port)"))
      return (
        try write(text, "envoy.yaml"),
        ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning", "--config-path"]
      )
    }
  }

  /// A file of `deploy/` with this test's addresses.
  ///
  /// Each replaced text must be present.
  private func shipped(_ file: String, listening: (String, String)) throws -> String {
    let path = Self.project.appending("deploy").appending(file).string
    guard let data = FileManager.default.contents(atPath: path) else { throw TestFailure("no \(path)") }
    var text = String(decoding: data, as: UTF8.self)
    for (found, address) in [("8080", "\(verifier)"), ("9000", "\(upstream)")] {
      let forms = ["127.0.0.1:", "127.0.0.1, port_value: "].filter { text.contains($0 + found) }
      guard !forms.isEmpty else { throw TestFailure("\(path) names no port \(found)") }
      for form in forms { text = text.replacing(form + found, with: form + address) }
    }
    guard text.contains(listening.0) else { throw TestFailure("\(path) doesn't say \(listening.0)") }
    return text.replacing(listening.0, with: listening.1)
  }

  @discardableResult
  private func write(_ text: String, _ name: String) throws -> String {
    let path = "\(directory)/\(name)"
    guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8)) else {
      throw TestFailure("\(path) can't be written")
    }
    return path
  }

  /// A distribution's nginx.conf, which includes the file, restricted to this directory.
  private var nginxFrame: String {
    """
    daemon off;
    master_process off;
    pid \(directory)/nginx.pid;
    error_log stderr warn;
    events { worker_connections 512; }
    http {
      access_log off;
      client_body_temp_path \(directory)/body;
      proxy_temp_path \(directory)/proxy;
      fastcgi_temp_path \(directory)/fastcgi;
      uwsgi_temp_path \(directory)/uwsgi;
      scgi_temp_path \(directory)/scgi;
      include \(directory)/keymeter.conf;
    }

    """
  }

  /// Restricts Caddy to loopback and to this file.
  private static let caddyFrame = """
    {
    \tadmin off
    \tauto_https off
    \tdefault_bind 127.0.0.1
    }

    """

  private func program() throws -> FilePath {
    let places =
      switch kind {
      case .nginx, .caddy:
        ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"]
      case .envoy: [Self.project.appending(".build-tools/gateways/bin").string]
      }
    for place in places {
      let path = "\(place)/\(kind.rawValue)"
      if FileManager.default.isExecutableFile(atPath: path) { return FilePath(path) }
    }
    throw TestFailure("\(kind.rawValue) is missing: scripts/setup test installs it")
  }
}

import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(10)))
struct ConfigurationTests {
  private func setting(_ keyword: String, _ configuration: ConnectionConfiguration) -> String? {
    configuration.settings.first { $0.keyword == keyword }?.value
  }

  @Test func `a URI with several hosts is split into the parts that libpq expects`() throws {
    let configuration = try ConnectionConfiguration(
      url: "postgresql://app:p%40ss@one:5433,two:5434/db?target_session_attrs=read-write")
    #expect(configuration.host == "one,two")
    #expect(configuration.port == "5433,5434")
    #expect(setting("user", configuration) == "app")
    #expect(setting("dbname", configuration) == "db")
    #expect(setting("password", configuration) == "p@ss")
    #expect(setting("target_session_attrs", configuration) == "read-write")
  }

  @Test func `connections require a writable host by default`() throws {
    for (url, expected) in [
      ("postgresql://app@one,two/db", "read-write"), ("host=one", "read-write"),
      ("host=one target_session_attrs=any", "any"),
    ] {
      #expect(setting("target_session_attrs", try ConnectionConfiguration(url: url)) == expected)
    }
  }

  @Test func `timeouts and keepalives are set by default`() throws {
    let configuration = try ConnectionConfiguration(
      url: "host=one dbname=db", connectTimeout: .milliseconds(500), statementTimeout: .milliseconds(1500))
    #expect(setting("connect_timeout", configuration) == "2")
    #expect(setting("keepalives", configuration) == "1")
    #expect(setting("tcp_user_timeout", configuration) == "30000")
    #expect(setting("options", configuration) == "-c statement_timeout=1500")
    #expect(setting("application_name", configuration) == "keymeter")
  }

  @Test func `settings in the connection string win over the defaults`() throws {
    let configuration = try ConnectionConfiguration(
      url: "host=one connect_timeout=9 application_name=mine options='-c work_mem=1MB -c statement_timeout=7'"
    )
    #expect(setting("connect_timeout", configuration) == "9")
    #expect(setting("application_name", configuration) == "mine")
    #expect(setting("options", configuration) == "-c work_mem=1MB -c statement_timeout=7")
  }

  @Test func `the search path is set even if the connection string sets another`() throws {
    let configuration = try ConnectionConfiguration(
      url: "host=one options='-c search_path=public'", statementTimeout: .seconds(5), searchPath: "pg_catalog"
    )
    #expect(
      setting("options", configuration)
        == "-c search_path=public -c statement_timeout=5000 -c search_path=pg_catalog -c client_min_messages=error"
    )
  }

  @Test(
    arguments: [
      "postgresql://app:hunter2/keymeter", "postgresql://app:hunter2", "postgresql://app:hunter2%40one/db",
      "postgresql://app:a/b?user=c@one/db", "postgresql://one:0/db", "postgresql://one:65536/db",
      "host=one port=hunter2", "host=one,two port=5432,hunter2", "postgresql://one:5432,two:hunter2/db",
    ])
  func `a malformed port may be part of a password and is not quoted`(url: String) throws {
    let error = try #require(throws: PostgresError.self) { try ConnectionConfiguration(url: url) }
    #expect(error.kind == .configuration)
    #expect(!"\(error)".contains("hunter2") && !"\(error)".contains("65536"))
  }

  @Test(arguments: [
    "postgresql://one:5432,two:5433/db", "postgresql://one,two/db", "host=one,two port=,5433", "port=65535",
  ])
  func `several hosts take one port each or one for all`(url: String) throws {
    _ = try ConnectionConfiguration(url: url)
  }

  @Test func `other options are kept and the statement timeout is added`() throws {
    let configuration = try ConnectionConfiguration(url: "host=one options='-c work_mem=1MB'")
    #expect(setting("options", configuration) == "-c work_mem=1MB -c statement_timeout=10000")
  }

  @Test(
    arguments: [
      ("postgresql://app:p%40s%2Fs@one/db", "app", "p@s/s", "one", "db"),
      ("postgresql:///db?host=@abstract", nil, nil, "@abstract", "db"),
      ("postgresql://app@one/d%40b?password=a@b", "app", "a@b", "one", "d@b"),
      ("host=one password=p@s/s@x", nil, "p@s/s@x", "one", nil),
      ("postgresql://[::1]:5432,two/db", nil, nil, "::1,two", "db"),
      ("postgresql://one/data@base", nil, nil, "one", "data@base"),
      ("postgresql:///d@t@base", nil, nil, nil, "d@t@base"),
      ("postgres://app@one/data@base:1", "app", nil, "one", "data@base:1"),
    ] as [(String, String?, String?, String?, String?)])
  func `an @ that libpq reads as intended is accepted`(
    url: String, user: String?, password: String?, host: String?, database: String?
  ) throws {
    let configuration = try ConnectionConfiguration(url: url)
    #expect(setting("user", configuration) == user && setting("password", configuration) == password)
    #expect(configuration.host == host && setting("dbname", configuration) == database)
  }

  @Test(arguments: [
    "postgresql://app:hunter2@one/data@base", "postgresql://app:hunter2/x@one/db",
    "postgresql://one:5432/data@base", "postgresql://app@one:5432/data@base",
    "postgresql://app:hunt@er2/x@one",
  ])
  func `an ambiguous @ is rejected with advice for password and database name`(url: String) throws {
    // libpq accepts each of them and reads the @ as part of the database name.
    #expect(try #require(Libpq.parts(of: url))["dbname"]?.contains("@") == true)
    let error = try #require(throws: PostgresError.self) { try ConnectionConfiguration(url: url) }
    #expect(
      error.description.contains("write %40 for an @ in the database name, and %40 or %2F for an @ or / in"))
  }

  @Test(arguments: ["postgresql://app:hunter2@x@one/db", "postgresql://app@x@one", "postgresql://a@@/d@b"])
  func `an @ in a host is rejected as a part of the credentials`(url: String) throws {
    #expect(try #require(Libpq.parts(of: url))["host"]?.contains("@") == true)
    let error = try #require(throws: PostgresError.self) { try ConnectionConfiguration(url: url) }
    #expect(error.description.contains("write %40 for an @ in the user name or password"))
  }

  @Test
  func `a URI whose user or password libpq would misread is rejected`() {
    let texts = Self.texts(of: ["x", "@", "/", "?", "1"], upTo: 3)
    var refused = 0
    var misread: [String] = []
    for user in texts where user.count < 3 {
      for password in texts where !password.isEmpty {
        for rest in ["one/db", "one:5432/db", "one/d@b", "/db", "one", "one?user=a@b"] {
          let url = "postgresql://\(user):\(password)@\(rest)"
          guard let parts = Libpq.parts(of: url) else { continue }
          let isMeant = parts["password"] == password && parts["host"] == (rest.hasPrefix("/") ? nil : "one")
          guard (try? ConnectionConfiguration(url: url)) != nil else {
            refused += 1
            continue
          }
          if !isMeant { misread.append(url) }
        }
      }
    }
    #expect(misread.prefix(5) == [])
    #expect(refused > 1_000)
  }

  /// All texts of these characters up to this length.
  private static func texts(of characters: [Character], upTo length: Int) -> [String] {
    var all = [""]
    var last = all
    for _ in 0..<length {
      last = last.flatMap { text in characters.map { text + String($0) } }
      all += last
    }
    return all
  }

  @Test func `descriptions never contain the password`() throws {
    let configuration = try ConnectionConfiguration(
      url: "postgresql://app:hunter2@one/db?sslpassword=hunter2")
    var dumped = ""
    dump(configuration, to: &dumped)
    dump(configuration.settings, to: &dumped)
    for text in [
      "\(configuration)", String(reflecting: configuration), dumped, "\(configuration.settings)",
      String(reflecting: configuration.settings),
    ] {
      #expect(!text.contains("hunter2"))
    }
    #expect("\(configuration)".contains("host=one"))
  }

  @Test(arguments: [
    "postgresql://app:hunter2@one:port:2/db?x=", "hunter2", "postgresql://a%zzhunter2@b/",
    "postgresql://app:x@hunter2@one/db", "postgres://app:hunter2/x@one/db",
    "postgresql://app:1/hunter2@one/db", "postgresql://app:x?y@hunter2@one/db",
    "postgresql://app:x?y@hunter2/w@one/db", "postgresql://app:x@\u{301}hunter2@one/db",
    "postgresql://app:1/\u{301}hunter2@one/db",
  ])
  func `an error about a string that libpq can't parse does not quote it`(url: String) {
    do {
      _ = try ConnectionConfiguration(url: url)
      Issue.record("accepted")
    } catch {
      #expect(error.kind == .configuration)
      #expect(!error.debugDescription.contains("hunter2"))
    }
  }
}

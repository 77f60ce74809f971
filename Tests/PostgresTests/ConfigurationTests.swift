import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(1)))
struct ConfigurationTests {
  private func setting(_ keyword: String, _ configuration: ConnectionConfiguration) -> String? {
    configuration.settings.first { $0.keyword == keyword }?.value
  }

  @Test func `a URI with several hosts reaches libpq in parts`() throws {
    let configuration = try ConnectionConfiguration(
      url: "postgresql://app:p%40ss@one:5433,two:5434/db?target_session_attrs=read-write")
    #expect(configuration.host == "one,two")
    #expect(configuration.port == "5433,5434")
    #expect(configuration.user == "app")
    #expect(configuration.database == "db")
    #expect(setting("password", configuration) == "p@ss")
    #expect(setting("target_session_attrs", configuration) == "read-write")
  }

  @Test func `only a host that can be written to will do, unless it is said otherwise`() throws {
    for (url, expected) in [
      ("postgresql://app@one,two/db", "read-write"), ("host=one", "read-write"),
      ("host=one target_session_attrs=any", "any"),
    ] {
      #expect(setting("target_session_attrs", try ConnectionConfiguration(url: url)) == expected)
    }
  }

  @Test func `timeouts and keepalives are added`() throws {
    let configuration = try ConnectionConfiguration(
      url: "host=one dbname=db", connectTimeout: .milliseconds(500), statementTimeout: .milliseconds(1500))
    #expect(setting("connect_timeout", configuration) == "2")
    #expect(setting("keepalives", configuration) == "1")
    #expect(setting("tcp_user_timeout", configuration) == "30000")
    #expect(setting("options", configuration) == "-c statement_timeout=1500")
    #expect(setting("application_name", configuration) == "keymeter")
  }

  @Test func `what the connection string names is kept`() throws {
    let configuration = try ConnectionConfiguration(
      url: "host=one connect_timeout=9 application_name=mine options='-c work_mem=1MB -c statement_timeout=7'"
    )
    #expect(setting("connect_timeout", configuration) == "9")
    #expect(setting("application_name", configuration) == "mine")
    #expect(setting("options", configuration) == "-c work_mem=1MB -c statement_timeout=7")
  }

  @Test func `options that don't name the statement timeout are kept and it is added`() throws {
    let configuration = try ConnectionConfiguration(url: "host=one options='-c work_mem=1MB'")
    #expect(setting("options", configuration) == "-c work_mem=1MB -c statement_timeout=10000")
  }

  @Test(arguments: [
    "postgresql://app:p%40s%2Fs@one/db", "postgresql:///db?host=@abstract",
    "postgresql://app@one/d%40b?user=a@b",
    "host=one password=p@s/s@x", "postgresql://[::1]:5432,two/db",
  ])
  func `an @ where it belongs is taken`(url: String) throws { _ = try ConnectionConfiguration(url: url) }

  @Test func `no description shows the password`() throws {
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
  func `a string libpq can't parse is a configuration error that does not quote it`(url: String) {
    do {
      _ = try ConnectionConfiguration(url: url)
      Issue.record("accepted")
    } catch {
      #expect(error.kind == .configuration)
      #expect(!error.debugDescription.contains("hunter2"))
    }
  }
}

import Subprocess
public import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An installed PostgreSQL: the directory of its programs, and its major version.
public struct PostgresBinaries: Sendable {
  /// The directory that holds `initdb`, `pg_ctl` and `postgres`.
  public let directory: FilePath
  /// The major version, such as 15.
  public let majorVersion: Int

  var initdb: FilePath { directory.appending("initdb") }
  var control: FilePath { directory.appending("pg_ctl") }

  private static let needed = ["initdb", "pg_ctl", "postgres"]

  /// Finds an installed PostgreSQL that the server's OS user can run.
  ///
  /// The order: `KEYMETER_PG_BIN`, then each directory of `PATH`, then the highest version in the places
  /// where packages put it. If `KEYMETER_PG_BIN` is set and does not work, nothing else is tried: falling
  /// back would run another version than the one asked for.
  ///
  /// - Parameter environment: where the two variables are read; by default this process's.
  /// - Returns: The first that works.
  /// - Throws: ``EmbeddedPostgresError/binariesUnusable(directory:reason:)`` for a wrong `KEYMETER_PG_BIN`,
  ///   ``EmbeddedPostgresError/binariesNotFound``, or an error about the user to run as.
  public static func find(
    environment: [String: String] = currentEnvironment()
  ) async throws(EmbeddedPostgresError) -> PostgresBinaries {
    let account = try ServerAccount.current()
    if let chosen = environment["KEYMETER_PG_BIN"], !chosen.isEmpty {
      return try await inspect(Files.canonical(FilePath(chosen)), as: account)
    }
    let path = (environment["PATH"] ?? "").split(separator: ":").map { FilePath(String($0)) }
    for directory in path.filter(\.isAbsolute) + packageDirectories() {
      guard missing(in: directory).isEmpty else { continue }
      if let found = try? await inspect(directory, as: account) { return found }
    }
    throw .binariesNotFound
  }

  /// This process's environment, for the default argument of ``find(environment:)``.
  ///
  /// - Returns: The two variables that the search reads, where they are set.
  public static func currentEnvironment() -> [String: String] {
    var values: [String: String] = [:]
    for name in ["KEYMETER_PG_BIN", "PATH"] {
      if let value = getenv(name) { values[name] = String(cString: value) }
    }
    return values
  }

  private static func missing(in directory: FilePath) -> [String] {
    needed.filter { !Files.isExecutable(directory.appending($0)) }
  }

  /// Asks the server binary for its version, as the user that will run it.
  private static func inspect(
    _ directory: FilePath, as account: ServerAccount
  ) async throws(EmbeddedPostgresError) -> PostgresBinaries {
    let missing = missing(in: directory)
    guard missing.isEmpty else {
      throw .binariesUnusable(
        directory: directory, reason: "there is no executable \(missing.joined(separator: ", "))")
    }
    // Links into an installation are followed, so that its other programs (psql) are found beside these.
    let target = Files.canonical(directory.appending("postgres")).removingLastComponent()
    let directory = Self.missing(in: target).isEmpty ? target : directory
    let outcome: CommandRunner.Outcome
    do {
      outcome = try await CommandRunner(account: account)
        .run(directory.appending("postgres"), ["--version"], within: .seconds(10))
    } catch let error as EmbeddedPostgresError {
      throw error
    } catch {
      throw .binariesUnusable(
        directory: directory, reason: "user `\(account.name)` can't run postgres: \(error)")
    }
    guard outcome.succeeded, let version = majorVersion(in: outcome.output) else {
      throw .binariesUnusable(
        directory: directory, reason: "postgres --version answered \(outcome.output.prefix(200))")
    }
    return PostgresBinaries(directory: directory, majorVersion: version)
  }

  /// The number in `postgres (PostgreSQL) 15.18 (Debian …)`, and also in `18beta1`.
  static func majorVersion(in text: String) -> Int? {
    guard let name = text.firstRange(of: "(PostgreSQL) ") else { return nil }
    return Int(text[name.upperBound...].prefix { $0.isASCII && $0.isNumber })
  }

  /// The directories of Debian, Red Hat and Homebrew packages, the highest version first.
  private static func packageDirectories() -> [FilePath] {
    let places: [(parent: FilePath, prefix: String)] = [
      ("/usr/lib/postgresql", ""), ("/usr", "pgsql-"),
      ("/opt/homebrew/opt", "postgresql@"), ("/usr/local/opt", "postgresql@"),
    ]
    var found: [(version: Int, directory: FilePath)] = []
    for place in places {
      for name in Files.names(in: place.parent) where name.hasPrefix(place.prefix) {
        guard let version = Int(name.dropFirst(place.prefix.count)) else { continue }
        found.append((version, place.parent.appending(name).appending("bin")))
      }
    }
    return found.sorted { $0.version > $1.version }.map(\.directory)
  }
}

import FoundationEssentials
package import SystemPackage

/// An installed PostgreSQL.
package struct PostgresBinaries: Sendable {
  /// The directory that holds `initdb`, `pg_ctl` and `postgres`.
  package let directory: FilePath

  var initdb: FilePath { directory.appending("initdb") }
  var control: FilePath { directory.appending("pg_ctl") }

  /// Finds an installed PostgreSQL: in `KEYMETER_PG_BIN`, then on `PATH`, then the highest version where packages put it.
  ///
  /// If `KEYMETER_PG_BIN` is wrong, nothing else is tried: that could run another version than the requested one.
  ///
  /// - Throws: ``PostgresClusterError/binariesMissing(directory:names:)``, ``PostgresClusterError/binariesNotFound``.
  package static func find(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(PostgresClusterError) -> PostgresBinaries {
    if let chosen = environment["KEYMETER_PG_BIN"], !chosen.isEmpty {
      let directory = FilePath(FileManager.default.currentDirectoryPath).pushing(FilePath(chosen))
      let missing = missing(in: directory)
      guard missing.isEmpty else { throw .binariesMissing(directory: directory, names: missing) }
      return PostgresBinaries(directory: directory)
    }
    let path = (environment["PATH"] ?? "").split(separator: ":").map { FilePath(String($0)) }
    for directory in path.filter(\.isAbsolute) + packageDirectories() where missing(in: directory).isEmpty {
      return PostgresBinaries(directory: installation(of: directory))
    }
    throw .binariesNotFound
  }

  /// Follows a link to an installation, so that its other programs (psql, pg_dump) are found too.
  private static func installation(of directory: FilePath) -> FilePath {
    let postgres = directory.appending("postgres").string
    guard let link = try? FileManager.default.destinationOfSymbolicLink(atPath: postgres) else {
      return directory
    }
    let target = directory.pushing(FilePath(link)).lexicallyNormalized().removingLastComponent()
    return missing(in: target).isEmpty ? target : directory
  }

  private static func missing(in directory: FilePath) -> [String] {
    ["initdb", "pg_ctl", "postgres"].filter {
      !FileManager.default.isExecutableFile(atPath: directory.appending($0).string)
    }
  }

  /// The directories of Debian, Red Hat and Homebrew packages, the highest version first.
  private static func packageDirectories() -> [FilePath] {
    let places: [(parent: FilePath, prefix: String)] = [
      ("/usr/lib/postgresql", ""), ("/usr", "pgsql-"),
      ("/opt/homebrew/opt", "postgresql@"), ("/usr/local/opt", "postgresql@"),
    ]
    var found: [(version: Int, directory: FilePath)] = []
    for place in places {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: place.parent.string)) ?? []
      for name in names where name.hasPrefix(place.prefix) {
        guard let version = Int(name.dropFirst(place.prefix.count)) else { continue }
        found.append((version, place.parent.appending(name).appending("bin")))
      }
    }
    return found.sorted { $0.version > $1.version }.map(\.directory)
  }
}

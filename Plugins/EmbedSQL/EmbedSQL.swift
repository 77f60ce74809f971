import Foundation
import PackagePlugin

/// Turns the migrations, functions and reports of `sql/` into Swift source, so that the binary carries its own schema.
@main
struct EmbedSQL: BuildToolPlugin {
  private static let folders = ["migrations", "functions", "reports"]

  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let root = context.package.directoryURL.appending(path: "sql")
    let files = try Self.folders.flatMap { try Self.sqlFiles(in: root.appending(path: $0)) }
    let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedSQL.swift")
    return [
      .buildCommand(
        displayName: "Embedding \(files.count) SQL files",
        executable: try context.tool(named: "text-embedder").url,
        arguments: ["sql", output.path(), root.path()] + files.map { $0.path() },
        inputFiles: files,
        outputFiles: [output]
      )
    ]
  }

  /// The SQL files of a folder and its subfolders, ordered by path.
  private static func sqlFiles(in folder: URL) throws -> [URL] {
    let manager = FileManager.default
    return try manager.contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
      .sorted { $0.lastPathComponent < $1.lastPathComponent }
      .flatMap { url in
        if try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true {
          return try sqlFiles(in: url)
        }
        return url.pathExtension == "sql" ? [url] : []
      }
  }
}

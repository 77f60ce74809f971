import Foundation
import PackagePlugin

/// Turns the migrations, functions and reports of `sql/` into Swift source, so that the binary carries its own schema.
@main
struct EmbedSQL: BuildToolPlugin {
  private static let folders = ["migrations", "functions", "reports"]

  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let root = context.package.directoryURL.appending(path: "sql")
    let files = try Self.folders.flatMap { try Self.sqlFiles(in: root.appending(path: $0)) }
    let script = context.package.directoryURL.appending(path: "Plugins/embed-text")
    let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedSQL.swift")
    return [
      .buildCommand(
        displayName: "Embedding \(files.count) SQL files",
        executable: URL(filePath: "/bin/sh"),
        arguments: [script.path(), "sql", output.path(), root.path()] + files.map { $0.path() },
        inputFiles: [script] + files,
        outputFiles: [output]
      )
    ]
  }

  /// The SQL files of a folder by name, those of its subfolders first: `sql/functions/grants.sql` comes last.
  private static func sqlFiles(in folder: URL) throws -> [URL] {
    let entries = try FileManager.default
      .contentsOfDirectory(at: folder, includingPropertiesForKeys: [.isDirectoryKey])
      .sorted { $0.lastPathComponent < $1.lastPathComponent }
    let folders = try entries.filter { try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true }
    return try folders.flatMap { try sqlFiles(in: $0) } + entries.filter { $0.pathExtension == "sql" }
  }
}

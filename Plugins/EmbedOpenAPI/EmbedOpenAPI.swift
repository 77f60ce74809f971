import Foundation
import PackagePlugin

/// Turns `openapi.json` into Swift source, so that the binary carries the description of its own API.
@main
struct EmbedOpenAPI: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let document = context.package.directoryURL.appending(path: "openapi.json")
    let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedOpenAPI.swift")
    return [
      .buildCommand(
        displayName: "Embedding openapi.json",
        executable: try context.tool(named: "text-embedder").url,
        arguments: ["openapi", output.path(), document.path()],
        inputFiles: [document],
        outputFiles: [output]
      )
    ]
  }
}

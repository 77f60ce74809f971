import Foundation
import PackagePlugin

/// Turns `openapi.json` into Swift source, so that the binary carries the description of its own API.
@main
struct EmbedOpenAPI: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let document = context.package.directoryURL.appending(path: "openapi.json")
    let script = context.package.directoryURL.appending(path: "Plugins/embed-text")
    let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedOpenAPI.swift")
    return [
      .buildCommand(
        displayName: "Embedding openapi.json",
        executable: URL(filePath: "/bin/sh"),
        arguments: [script.path(), "openapi", output.path(), document.path()],
        inputFiles: [script, document],
        outputFiles: [output]
      )
    ]
  }
}

import Foundation

// text-embedder sql OUTPUT ROOT FILE…
//
// Writes OUTPUT, a Swift file that holds the text of each FILE in an array named for the FILE's folder directly
// under ROOT (`EmbeddedSQL.migrations`, `.functions`, `.reports`), in the order given. Subfolders don't matter.
//
// text-embedder openapi OUTPUT FILE
//
// Writes OUTPUT, a Swift file that holds the text of FILE (`EmbeddedOpenAPI.text`).

/// A text as a literal of Swift.
///
/// Four number signs: neither SQL nor JSON has such a sequence after a quotation mark or a backslash, so nothing
/// needs escaping.
func literal(_ text: String) -> String { "####\"\"\"\n\(text)\n\"\"\"####" }

func sqlSource(_ files: [URL], root: URL) throws -> String {
  let depth = root.pathComponents.count
  var entries: [String: [String]] = ["migrations": [], "functions": [], "reports": []]
  for url in files {
    let text = try String(contentsOf: url, encoding: .utf8)
    entries[url.pathComponents[depth], default: []].append(
      "    EmbeddedSQLFile(name: \"\(url.lastPathComponent)\", text: \(literal(text))),")
  }
  var source = "enum EmbeddedSQL {\n"
  for (folder, files) in entries.sorted(by: { $0.key < $1.key }) {
    source += "  static let \(folder): [EmbeddedSQLFile] = [\n\(files.joined(separator: "\n"))\n  ]\n"
  }
  return source + "}\n"
}

func openAPISource(_ file: URL) throws -> String {
  "enum EmbeddedOpenAPI {\n  static let text = \(literal(try String(contentsOf: file, encoding: .utf8)))\n}\n"
}

let arguments = CommandLine.arguments.dropFirst().map { $0 }
let files = arguments.dropFirst(2).map { URL(filePath: $0) }
let source: String
switch (arguments.first, files.count) {
case ("sql", 1...): source = try sqlSource(Array(files.dropFirst()), root: files[0])
case ("openapi", 1): source = try openAPISource(files[0])
default:
  FileHandle.standardError.write(
    Data("usage: text-embedder sql OUTPUT ROOT FILE…\n       text-embedder openapi OUTPUT FILE\n".utf8))
  exit(64)
}
try source.write(to: URL(filePath: arguments[1]), atomically: true, encoding: .utf8)

import Foundation

// sql-embedder OUTPUT FILE…
//
// Writes OUTPUT, a Swift file that holds the text of each FILE in an array named for the folder the
// file lies in (`EmbeddedSQL.migrations`, `.functions`, `.reports`), in the order given.

let arguments = CommandLine.arguments.dropFirst()
guard let output = arguments.first else {
  FileHandle.standardError.write(Data("usage: sql-embedder OUTPUT FILE…\n".utf8))
  exit(64)
}

var entries: [String: [String]] = ["migrations": [], "functions": [], "reports": []]
for path in arguments.dropFirst() {
  let url = URL(filePath: path)
  let text = try String(contentsOf: url, encoding: .utf8)
  let folder = url.deletingLastPathComponent().lastPathComponent
  // Four number signs: SQL has no such sequence after a quotation mark, so nothing needs escaping.
  entries[folder, default: []].append(
    "    EmbeddedSQLFile(name: \"\(url.lastPathComponent)\", text: ####\"\"\"\n\(text)\n\"\"\"####),")
}

var source = "enum EmbeddedSQL {\n"
for (folder, files) in entries.sorted(by: { $0.key < $1.key }) {
  source += "  static let \(folder): [EmbeddedSQLFile] = [\n\(files.joined(separator: "\n"))\n  ]\n"
}
source += "}\n"
try source.write(to: URL(filePath: output), atomically: true, encoding: .utf8)

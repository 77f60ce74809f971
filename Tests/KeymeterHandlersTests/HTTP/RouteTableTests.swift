import HTTPTypes
import Hummingbird
import Testing

@testable import KeymeterHandlers

@Suite("Route table")
struct RouteTableTests {
  @Test("A path has the methods it was registered with, and HEAD with GET")
  func methods() {
    let table = table(["/a": [.get, .put], "/b/c": [.post]])
    #expect(table.methods(ofPath: "/a") == [.get, .put, .head])
    #expect(table.methods(ofPath: "/b/c") == [.post])
  }

  @Test("Extra slashes do not matter", arguments: ["/b/c", "/b/c/", "//b//c", "b/c"])
  func spareSlashes(path: String) {
    #expect(table(["/b/c": [.post]]).methods(ofPath: path) == [.post])
  }

  @Test(
    "An unregistered path has no methods",
    arguments: ["", "/", "/b", "/c", "/b/c/d", "/B/C", "/b/%63", "/b/c?"])
  func unknown(path: String) {
    #expect(table(["/b/c": [.post]]).methods(ofPath: path) == nil)
  }

  @Test("A parameter matches one segment, and a literal segment comes first")
  func parameters() {
    let table = table(["/a/:id": [.delete], "/a/list": [.get], "/a/:id/end": [.post]])
    #expect(table.methods(ofPath: "/a/key_1") == [.delete])
    #expect(table.methods(ofPath: "/a/list") == [.get, .head])
    #expect(table.methods(ofPath: "/a/key_1/end") == [.post])
    for path in ["/a", "/a/key_1/stop", "/a/key_1/end/x", "/b/key_1"] {
      #expect(table.methods(ofPath: path) == nil)
    }
  }

  @Test("An empty table serves nothing")
  func empty() {
    #expect(RouteTable().methods(ofPath: "/") == nil)
  }

  private func table(_ paths: KeyValuePairs<String, [HTTPRequest.Method]>) -> RouteTable {
    let router = Router(context: KeymeterRequestContext.self)
    var table = RouteTable()
    for (path, methods) in paths {
      table.serve(path, on: router, methods.map { ($0, { _, _ in Response(status: .ok) }) })
    }
    return table
  }
}

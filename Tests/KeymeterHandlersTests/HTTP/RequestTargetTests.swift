import HTTPTypes
import Testing

@testable import KeymeterHandlers

@Suite("Request target")
struct RequestTargetTests {
  @Test(
    "A path, an http or https URL, and the special forms of OPTIONS and CONNECT are valid targets",
    arguments: [
      (HTTPRequest.Method.get, "/"), (.get, "/api/v1/verify?requests=2"), (.get, "//host/x"),
      (.get, "/*://h/metrics"),
      (.get, "http://h/metrics"), (.post, "https://h/"), (.get, "HTTP://h"), (.get, "hTTps://h:8080/x?y"),
      (.options, "*"), (.connect, "h:443"),
    ])
  func known(method: HTTPRequest.Method, target: String) {
    #expect(hasKnownForm(method, target))
  }

  @Test(
    "No other target is valid",
    arguments: [
      (HTTPRequest.Method.get, "*://h/metrics"), (.get, "*"), (.options, "*/metrics"), (.get, ""),
      (.get, "metrics"),
      (.get, "ftp://h/metrics"), (.get, "http:/metrics"), (.get, "https:/x/metrics"),
      (.get, "httpx://h/metrics"),
      (.get, "xhttp://h/metrics"), (.get, "h:443"), (.get, "?x=/metrics"), (.get, "http"),
      (.get, "/metrics#x"), (.get, "http://h/metrics#x"), (.get, "/#"), (.connect, "*://h/metrics"),
      (.connect, "#"),
    ])
  func unknown(method: HTTPRequest.Method, target: String) {
    #expect(!hasKnownForm(method, target))
  }

  private func hasKnownForm(_ method: HTTPRequest.Method, _ target: String) -> Bool {
    RequestTarget.hasKnownForm(target, method: method.rawValue)
  }
}

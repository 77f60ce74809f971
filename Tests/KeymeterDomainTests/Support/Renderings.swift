/// Every way in which a value may end up in a log.
func renderings(of value: Any) -> [String] {
  var dumped = ""
  dump(value, to: &dumped)
  var printed = ""
  print(value, to: &printed)
  var debugPrinted = ""
  debugPrint(value, to: &debugPrinted)
  return [
    "\(value)", String(describing: value), String(reflecting: value), dumped, printed, debugPrinted,
  ] + strings(in: value)
}

/// Every string that reflection finds in a value, at any depth.
func strings(in value: Any) -> [String] {
  if let text = value as? String { return [text] }
  return Mirror(reflecting: value).children.flatMap { child in
    [child.label ?? ""] + strings(in: child.value)
  }
}

/// Whether a text contains more of a key's random part than the hint's four characters.
func leaks(_ text: String, ofKey key: String) -> Bool {
  let tail = Array(key.suffix(38))
  return (0...(tail.count - 5)).contains { text.contains(String(tail[$0..<$0 + 5])) }
}

/// Every way in which a value gets into a log by accident.
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

/// Every text that reflection finds inside a value, however deep.
func strings(in value: Any) -> [String] {
  if let text = value as? String { return [text] }
  return Mirror(reflecting: value).children.flatMap { child in
    [child.label ?? ""] + strings(in: child.value)
  }
}

/// Whether a text holds more of a key's random part than the four characters of the hint.
func leaks(_ text: String, ofKey key: String) -> Bool {
  let tail = Array(key.suffix(38))
  return (0...(tail.count - 5)).contains { text.contains(String(tail[$0..<$0 + 5])) }
}

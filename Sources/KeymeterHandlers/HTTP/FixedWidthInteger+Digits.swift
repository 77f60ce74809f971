extension FixedWidthInteger {
  /// A whole number without a sign, as a query or a header has it: decimal digits and nothing else.
  ///
  /// Fails for no digits at all, and for a number that doesn't fit.
  init?(digits text: String) {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    self.init(text)
  }
}

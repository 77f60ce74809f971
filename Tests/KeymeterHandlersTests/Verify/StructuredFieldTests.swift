import Testing

@Suite("The tests' parser for structured fields")
struct StructuredFieldTests {
  @Test("A list is parsed by RFC 9651")
  func reads() throws {
    let list = try StructuredList(#"  "a b";q=10;w=-5;qu="x\"\\";on , 7;*k_1-.*=?0,"""#)
    typealias Parameter = StructuredList.Parameter
    #expect(
      list.members == [
        .init(
          item: .string("a b"),
          parameters: [
            Parameter(name: "q", value: .integer(10)), Parameter(name: "w", value: .integer(-5)),
            Parameter(name: "qu", value: .string(#"x"\"#)), Parameter(name: "on", value: .boolean(true)),
          ]),
        .init(item: .integer(7), parameters: [Parameter(name: "*k_1-.*", value: .boolean(false))]),
        .init(item: .string(""), parameters: []),
      ])
    #expect(try StructuredList([#""a";q=1"#, #""b""#]).members.count == 2)
    #expect(try StructuredList("").members.isEmpty)
    #expect(try StructuredList("999999999999999").members.first?.item == .integer(999_999_999_999_999))
  }

  @Test(
    "Anything else is rejected",
    arguments: [
      ",", #""a","#, #""a" "b""#, #""a"#, #""é""#, #""\n""#, "1000000000000000", "1.5", "-", "?2", "+1",
      #""a";"#, #""a";Q=1"#, #""a";q="#, #""a";q=1;q=2"#, #""a" ;q=1"#, #""a";q =1"#, #""a";q= 1"#,
      #"("a")"#, ":YQ==:", "\t1", #""a";q=9007199254740991"#,
    ])
  func refuses(text: String) {
    #expect(throws: NotAStructuredField.self) { try StructuredList(text) }
  }
}

import Postgres
import Testing

@Suite(.timeLimit(.minutes(10)))
struct DecodingErrorTests {
  private func error<Value: PostgresDecodable>(
    _ sql: String, as type: Value.Type
  ) async throws -> PostgresError? {
    var found: PostgresError?
    try await withConnection { connection in
      let row = try await connection.execute(Statement("decoding", "SELECT \(sql) AS value")).rows[0]
      found = await postgresError { _ = try row.decode("value", as: type) }
    }
    return found
  }

  @Test func `decoding NULL as a non-optional value names the column`() async throws {
    let error = try await error("NULL::text", as: String.self)
    #expect(error?.kind == .decoding)
    #expect(error?.column == "value")
    #expect(error?.description.contains("NULL") == true)
  }

  @Test func `a type mismatch names the column and both types, but no value`() async throws {
    let error = try await error("'secret'::text", as: Int64.self)
    #expect(error?.kind == .decoding)
    #expect(error?.column == "value")
    #expect(error?.description.contains("text as Int64") == true)
    #expect(error?.debugDescription.contains("secret") == false)
  }

  @Test func `a bigint is not truncated to 32 bits`() async throws {
    #expect(try await error("1::bigint", as: Int32.self)?.kind == .decoding)
  }

  @Test(arguments: ["infinity", "-infinity"])
  func `an infinite date or time is an error`(literal: String) async throws {
    #expect(try await error("'\(literal)'::timestamptz", as: PostgresTimestamp.self)?.kind == .decoding)
    #expect(try await error("'\(literal)'::date", as: PostgresDate.self)?.kind == .decoding)
  }

  @Test func `an array with a NULL needs optional elements`() async throws {
    #expect(try await error("ARRAY['a', NULL]", as: [String].self)?.kind == .decoding)
    #expect(try await error("ARRAY['a', NULL]", as: [String?].self) == nil)
  }

  @Test func `an array with two dimensions is an error`() async throws {
    #expect(try await error("ARRAY[[1,2],[3,4]]", as: [Int].self)?.kind == .decoding)
  }

  @Test func `a missing column is an error that names it`() async throws {
    try await withConnection { connection in
      let row = try await connection.execute(Statement("one", "SELECT 1 AS a")).rows[0]
      #expect(await postgresError { _ = try row.decode("b", as: Int.self) }?.column == "b")
      #expect(await postgresError { _ = try row.decode(1, as: Int.self) }?.kind == .decoding)
    }
  }
}

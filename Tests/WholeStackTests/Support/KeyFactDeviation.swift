import Testing

/// Something that somebody has done to what keeps the facts of keys, so that they may come apart from their records.
struct KeyFactDeviation: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let sql: String
  /// What doctor is to say of it.
  let fault: String

  static let all =
    switches + definitions + strangers + functions

  private static let pass = "api_keys_propagate_key_columns"
  private static let take = "api_key_secrets_copy_key_columns"

  private static let switches = [
    KeyFactDeviation(
      testDescription: "disabled", sql: "ALTER TABLE keymeter.api_keys DISABLE TRIGGER \(pass)",
      fault: "\(pass) is off"),
    KeyFactDeviation(
      testDescription: "for replicas",
      sql: "ALTER TABLE keymeter.api_key_secrets ENABLE REPLICA TRIGGER \(take)",
      fault: "\(take) is off"),
    KeyFactDeviation(
      testDescription: "dropped", sql: "DROP TRIGGER \(take) ON keymeter.api_key_secrets",
      fault: "\(take) is missing"),
    KeyFactDeviation(
      testDescription: "two at once",
      sql: """
        DROP TRIGGER \(take) ON keymeter.api_key_secrets; ALTER TABLE keymeter.api_keys DISABLE TRIGGER \(pass)
        """,
      fault: "\(take) is missing; \(pass) is off"),
  ]

  private static let definitions = [
    replaced(
      "on another table", drop: "\(take) ON keymeter.api_key_secrets",
      create: "\(take) BEFORE INSERT ON keymeter.api_keys FOR EACH ROW", run: "take"),
    replaced(
      "after", drop: "\(take) ON keymeter.api_key_secrets",
      create: "\(take) AFTER INSERT ON keymeter.api_key_secrets FOR EACH ROW", run: "take"),
    replaced(
      "once a statement", drop: "\(take) ON keymeter.api_key_secrets",
      create: "\(take) BEFORE INSERT ON keymeter.api_key_secrets FOR EACH STATEMENT", run: "take"),
    replaced(
      "of another event", drop: "\(take) ON keymeter.api_key_secrets",
      create: "\(take) BEFORE DELETE ON keymeter.api_key_secrets FOR EACH ROW", run: "take"),
    replaced(
      "of fewer columns", drop: "\(take) ON keymeter.api_key_secrets",
      create: """
        \(take) BEFORE UPDATE OF organisation_id, key_id, environment, scopes, usage_limit, monthly_token_limit,
        monthly_stt_secs_limit, expires_at, revoked_at ON keymeter.api_key_secrets FOR EACH ROW
        """, run: "take"),
    replaced(
      "of another condition", drop: "\(pass) ON keymeter.api_keys",
      create: """
        \(pass) AFTER UPDATE ON keymeter.api_keys FOR EACH ROW
        WHEN (OLD.usage_limit IS DISTINCT FROM NEW.usage_limit)
        """, run: "pass"),
    replaced(
      "of a condition without the addresses", drop: "\(pass) ON keymeter.api_keys",
      create: """
        \(pass) AFTER UPDATE ON keymeter.api_keys FOR EACH ROW WHEN (
          (OLD.environment, OLD.scopes, OLD.usage_limit, OLD.monthly_token_limit, OLD.monthly_stt_secs_limit,
           OLD.expires_at, OLD.revoked_at)
          IS DISTINCT FROM
          (NEW.environment, NEW.scopes, NEW.usage_limit, NEW.monthly_token_limit, NEW.monthly_stt_secs_limit,
           NEW.expires_at, NEW.revoked_at))
        """, run: "pass"),
    replaced(
      "for another function", drop: "\(take) ON keymeter.api_key_secrets",
      create: """
        \(take) BEFORE UPDATE OF organisation_id, key_id, environment, scopes, usage_limit, monthly_token_limit,
        monthly_stt_secs_limit, expires_at, revoked_at, allowed_cidrs ON keymeter.api_key_secrets FOR EACH ROW
        """, run: "pass"),
    replaced(
      "with another operator behind the same words", setup: DecoyOperator.sql,
      drop: "\(pass) ON keymeter.api_keys",
      create: """
        \(pass) AFTER UPDATE ON keymeter.api_keys FOR EACH ROW WHEN (
          (OLD.environment, OLD.scopes, OLD.usage_limit, OLD.monthly_token_limit, OLD.monthly_stt_secs_limit,
           OLD.expires_at, OLD.revoked_at, OLD.allowed_cidrs)
          IS DISTINCT FROM
          (NEW.environment, NEW.scopes, NEW.usage_limit, NEW.monthly_token_limit, NEW.monthly_stt_secs_limit,
           NEW.expires_at, NEW.revoked_at, NEW.allowed_cidrs))
        """, run: "pass"),
  ]

  private static let strangers = [
    KeyFactDeviation(
      testDescription: "a trigger of somebody's own",
      sql: """
        CREATE FUNCTION public.undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER undo BEFORE UPDATE ON keymeter.api_key_secrets FOR EACH ROW EXECUTE FUNCTION public.undo()
        """, fault: "undo on api_key_secrets is none of the migrations'"),
    KeyFactDeviation(
      testDescription: "a trigger of the same name on the other table",
      sql: """
        CREATE TRIGGER \(take) BEFORE INSERT ON keymeter.api_keys
        FOR EACH ROW EXECUTE FUNCTION keymeter.copy_key_columns()
        """, fault: "\(take) is defined otherwise"),
    KeyFactDeviation(
      testDescription: "a rule",
      sql: "CREATE RULE nothing AS ON UPDATE TO keymeter.api_key_secrets DO INSTEAD NOTHING",
      fault: "nothing on api_key_secrets is none of the migrations'"),
  ]

  private static let functions = [
    KeyFactDeviation(
      testDescription: "a function that does nothing",
      sql: """
        CREATE OR REPLACE FUNCTION keymeter.propagate_key_columns() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        AS $$ BEGIN RETURN NULL; END $$
        """, fault: "\(pass) runs another function"),
    KeyFactDeviation(
      testDescription: "without the check of the isolation level",
      sql: """
        CREATE OR REPLACE FUNCTION keymeter.propagate_key_columns() RETURNS trigger
        LANGUAGE plpgsql
        SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
          UPDATE keymeter.api_key_secrets AS s
          SET environment = NEW.environment, scopes = NEW.scopes, usage_limit = NEW.usage_limit,
            monthly_token_limit = NEW.monthly_token_limit, monthly_stt_secs_limit = NEW.monthly_stt_secs_limit,
            expires_at = NEW.expires_at, revoked_at = NEW.revoked_at, allowed_cidrs = NEW.allowed_cidrs
          WHERE s.organisation_id = NEW.organisation_id AND s.key_id = NEW.key_id;
          RETURN NULL;
        END
        $$
        """, fault: "\(pass) runs another function"),
    KeyFactDeviation(
      testDescription: "with the caller's rights",
      sql: "ALTER FUNCTION keymeter.propagate_key_columns() SECURITY INVOKER",
      fault: "\(pass) runs another function"),
    KeyFactDeviation(
      testDescription: "with somebody else's rights",
      sql: "ALTER FUNCTION keymeter.propagate_key_columns() OWNER TO CURRENT_USER",
      fault: "\(pass) runs another function"),
    KeyFactDeviation(
      testDescription: "by another search path",
      sql: "ALTER FUNCTION keymeter.copy_key_columns() SET search_path = public, pg_catalog",
      fault: "\(take) runs another function"),
    KeyFactDeviation(
      testDescription: "with a further setting",
      sql: "ALTER FUNCTION keymeter.propagate_key_columns() SET session_replication_role = replica",
      fault: "\(pass) runs another function"),
  ]

  private static func replaced(
    _ description: String, setup: String = "", drop: String, create: String, run function: String
  ) -> KeyFactDeviation {
    KeyFactDeviation(
      testDescription: description,
      sql: """
        \(setup)
        DROP TRIGGER \(drop);
        CREATE TRIGGER \(create) EXECUTE FUNCTION keymeter.\(function == "take" ? "copy_key_columns" : "propagate_key_columns")();
        """, fault: "\(create.prefix { $0 != " " }) is defined otherwise")
  }
}

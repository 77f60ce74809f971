/// An `=` of texts that is always true, and found before PostgreSQL's own by what the same script makes after it.
///
/// Where PostgreSQL writes a comparison by `NULLIF` or `IS DISTINCT FROM`, it doesn't say which `=` that is bound to.
enum DecoyOperator {
  static let sql = """
    CREATE FUNCTION public.always(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.always);
    SET search_path = public, pg_catalog;
    """
}

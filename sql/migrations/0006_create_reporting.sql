-- A schema of its own for what analysts read, so that a role can be given the views without a look at any
-- table.
CREATE SCHEMA reporting;

COMMENT ON SCHEMA reporting IS
  'Views for analysts: usage, limits and the names of what used them; never a secret or its hash. See '
  'docs/reporting.md.';

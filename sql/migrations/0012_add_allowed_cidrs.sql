-- From where a key may be used. The functions that judge by it are put in place right after.
ALTER TABLE keymeter.api_keys
  ADD COLUMN allowed_cidrs cidr[],
  -- '{}' would be nowhere at all, and an element that is NULL nothing one could say.
  ADD CONSTRAINT api_keys_allowed_cidrs_check CHECK (
    cardinality(allowed_cidrs) BETWEEN 1 AND 50 AND array_ndims(allowed_cidrs) = 1
    AND array_position(allowed_cidrs, NULL) IS NULL);

COMMENT ON COLUMN keymeter.api_keys.allowed_cidrs IS 'From where the key may be used; NULL is from anywhere.';

-- Whoever may write a key may write all of a new one (0009).
GRANT UPDATE (allowed_cidrs) ON keymeter.api_keys TO keymeter_app;

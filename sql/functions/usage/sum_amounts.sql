-- sum(bigint) makes a numeric of every row. At most 1,024 amounts below 2^53 can't overflow a bigint.
CREATE OR REPLACE AGGREGATE {cell}.sum_amounts(bigint) (
  SFUNC = pg_catalog.int8pl, STYPE = bigint, INITCOND = '0', COMBINEFUNC = pg_catalog.int8pl, PARALLEL = SAFE
);

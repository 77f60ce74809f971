-- Everything of Keymeter's own lives in one schema, so that nothing is found by search_path by accident.
-- Ids are compared byte by byte (COLLATE "C"), here and in every table: several times cheaper than a language's rules,
-- and no index depends on a version of the operating system's locales.
CREATE TABLE keymeter.organisations (
  organisation_id text COLLATE "C" NOT NULL,
  provider_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT organisations_pkey PRIMARY KEY (organisation_id),
  CONSTRAINT organisations_provider_id_key UNIQUE (provider_id),
  CONSTRAINT organisations_provider_id_check CHECK (provider_id ~ '^[A-Za-z0-9._-]{1,128}$'),
  CONSTRAINT organisations_name_check CHECK (char_length(name) BETWEEN 1 AND 255)
);

COMMENT ON TABLE keymeter.organisations IS 'Tenants.';
COMMENT ON COLUMN keymeter.organisations.organisation_id IS 'Internal id, org_…';
COMMENT ON COLUMN keymeter.organisations.provider_id IS 'Public, unique id that clients send as X-Scrubs-Clinic-Provider.';
COMMENT ON COLUMN keymeter.organisations.name IS 'Human-readable name.';
COMMENT ON COLUMN keymeter.organisations.created_at IS 'When the organisation was made.';

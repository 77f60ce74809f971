-- Ids are compared byte by byte (COLLATE "C"), here and in every table. That is several times cheaper than the rules of a
-- language, and no index depends on a version of the operating system's locales.
CREATE TABLE {cell}.organisations (
  organisation_id text COLLATE "C" NOT NULL,
  provider_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT organisations_pkey PRIMARY KEY (organisation_id),
  CONSTRAINT organisations_provider_id_key UNIQUE (provider_id),
  CONSTRAINT organisations_provider_id_check CHECK (provider_id ~ '^[A-Za-z0-9._-]{1,128}$'),
  CONSTRAINT organisations_name_check CHECK (char_length(name) BETWEEN 1 AND 255)
);

COMMENT ON TABLE {cell}.organisations IS 'The tenants.';
COMMENT ON COLUMN {cell}.organisations.organisation_id IS 'Internal id, org_….';
COMMENT ON COLUMN {cell}.organisations.provider_id IS 'Public, unique id that clients send as X-Scrubs-Clinic-Provider.';
COMMENT ON COLUMN {cell}.organisations.name IS 'Human-readable name.';
COMMENT ON COLUMN {cell}.organisations.created_at IS 'When the organisation was created.';

-- A cell can only keep provider ids unique among its own organisations. The directory does so for the whole deployment.
-- It is written in the transaction that creates or deletes the organisation.
CREATE TABLE keymeter_home.directory (
  provider_id text COLLATE "C" NOT NULL,
  organisation_id text COLLATE "C" NOT NULL,
  CONSTRAINT directory_pkey PRIMARY KEY (provider_id),
  CONSTRAINT directory_organisation_id_key UNIQUE (organisation_id)
);

COMMENT ON TABLE keymeter_home.directory IS 'Every organisation of the deployment by its provider id.';
COMMENT ON COLUMN keymeter_home.directory.provider_id IS 'As in organisations.';
COMMENT ON COLUMN keymeter_home.directory.organisation_id IS 'The organisation.';

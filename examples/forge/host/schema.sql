-- The forge's own tables. Identities are random and never used again; slugs and keys are names, which may be.
CREATE TABLE IF NOT EXISTS workspaces (
	id   TEXT PRIMARY KEY,
	slug TEXT NOT NULL UNIQUE,
	name TEXT NOT NULL,
	plan TEXT NOT NULL CHECK (plan IN ('free', 'premium'))
) STRICT;

CREATE TABLE IF NOT EXISTS projects (
	id        TEXT PRIMARY KEY,
	workspace TEXT NOT NULL REFERENCES workspaces (id),
	key       TEXT NOT NULL,
	name      TEXT NOT NULL,
	UNIQUE (workspace, key)
) STRICT;

CREATE TABLE IF NOT EXISTS repositories (
	id          TEXT PRIMARY KEY,
	workspace   TEXT NOT NULL REFERENCES workspaces (id),
	project     TEXT NOT NULL REFERENCES projects (id), -- where it lies now
	slug        TEXT NOT NULL,
	description TEXT NOT NULL,
	UNIQUE (workspace, slug)
) STRICT;
CREATE INDEX IF NOT EXISTS repositories_project ON repositories (project);

CREATE TABLE IF NOT EXISTS people (
	id       TEXT PRIMARY KEY,
	login    TEXT NOT NULL UNIQUE,
	name     TEXT NOT NULL,
	password TEXT NOT NULL -- an argon2id digest with its parameters
) STRICT;

-- A person is a member of a workspace, or an administrator of it, of one project or of one repository.
CREATE TABLE IF NOT EXISTS roles (
	person     TEXT NOT NULL REFERENCES people (id),
	workspace  TEXT NOT NULL REFERENCES workspaces (id),
	project    TEXT NOT NULL, -- '' unless the role is that of a project
	repository TEXT NOT NULL, -- '' unless the role is that of a repository
	role       TEXT NOT NULL CHECK (role IN ('member', 'admin')),
	PRIMARY KEY (person, workspace, project, repository)
) STRICT;

CREATE TABLE IF NOT EXISTS sessions (
	token  TEXT PRIMARY KEY, -- a digest of what the cookie has
	data   BLOB NOT NULL,
	expiry INTEGER NOT NULL  -- Unix seconds
) STRICT;

-- What lies in a repository or a workspace besides source: pull requests, comments, webhooks, pipelines and so on.
CREATE TABLE IF NOT EXISTS items (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	workspace  TEXT NOT NULL REFERENCES workspaces (id),
	place      TEXT NOT NULL, -- the identity of the workspace, project or repository that it lies in
	collection TEXT NOT NULL, -- such as 'hooks'
	body       TEXT NOT NULL, -- JSON
	created_by TEXT NOT NULL, -- the name of the token
	created_at INTEGER NOT NULL -- Unix microseconds
) STRICT;
CREATE INDEX IF NOT EXISTS items_place ON items (place, collection, id);

-- What happened to tokens.
CREATE TABLE IF NOT EXISTS audit (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	at          INTEGER NOT NULL, -- Unix microseconds
	workspace   TEXT NOT NULL,    -- '' where it is not known, as of an unknown token
	kind        TEXT NOT NULL,
	token       TEXT NOT NULL,    -- its ID
	name        TEXT NOT NULL,
	resource    TEXT NOT NULL,
	permissions TEXT NOT NULL,
	reason      TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS audit_workspace ON audit (workspace, id);

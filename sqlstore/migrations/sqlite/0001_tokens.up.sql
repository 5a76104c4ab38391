-- +goose Up
CREATE TABLE hallpass_schema (
	version INTEGER NOT NULL PRIMARY KEY
) STRICT;

-- A row is a token. Times are microseconds since 1970, 0 for none. The seal covers every column.
CREATE TABLE hallpass_tokens (
	id          TEXT    NOT NULL PRIMARY KEY,
	name        TEXT    NOT NULL,
	workspace   TEXT    NOT NULL,
	project     TEXT    NOT NULL,
	repository  TEXT    NOT NULL,
	scope       TEXT    NOT NULL,
	created_by  TEXT    NOT NULL,
	created_at  INTEGER NOT NULL,
	revoked_at  INTEGER NOT NULL,
	replaces    TEXT    NOT NULL,
	replaced_by TEXT    NOT NULL,
	extra       TEXT    NOT NULL,
	verifier    BLOB    NOT NULL,
	seal        BLOB    NOT NULL,
	key_id      INTEGER NOT NULL,
	format      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX hallpass_tokens_workspace ON hallpass_tokens (workspace, id);

CREATE INDEX hallpass_tokens_resource ON hallpass_tokens (workspace, project, repository, id);

-- When a token was last used: a hint for people, which no decision reads.
CREATE TABLE hallpass_uses (
	id      TEXT    NOT NULL PRIMARY KEY,
	used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO hallpass_schema (version) VALUES (1);

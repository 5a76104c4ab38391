-- +goose Up
CREATE TABLE hallpass_schema (
	version BIGINT NOT NULL PRIMARY KEY
);

-- A row is a token. Texts are bytes of UTF-8: read them with convert_from(name, 'UTF8'). Times are microseconds since 1970, 0 for
-- none. The seal covers every column.
CREATE TABLE hallpass_tokens (
	id          BYTEA  NOT NULL PRIMARY KEY,
	name        BYTEA  NOT NULL,
	workspace   BYTEA  NOT NULL,
	project     BYTEA  NOT NULL,
	repository  BYTEA  NOT NULL,
	scope       BYTEA  NOT NULL,
	created_by  BYTEA  NOT NULL,
	created_at  BIGINT NOT NULL,
	revoked_at  BIGINT NOT NULL,
	replaces    BYTEA  NOT NULL,
	replaced_by BYTEA  NOT NULL,
	extra       BYTEA  NOT NULL,
	verifier    BYTEA  NOT NULL,
	seal        BYTEA  NOT NULL,
	key_id      BIGINT NOT NULL,
	format      BIGINT NOT NULL
);

CREATE INDEX hallpass_tokens_workspace ON hallpass_tokens (workspace, id);

CREATE INDEX hallpass_tokens_resource ON hallpass_tokens (workspace, project, repository, id);

-- When a token was last used: a hint for people, which no decision reads.
CREATE TABLE hallpass_uses (
	id      BYTEA  NOT NULL PRIMARY KEY,
	used_at BIGINT NOT NULL
);

INSERT INTO hallpass_schema (version) VALUES (1);

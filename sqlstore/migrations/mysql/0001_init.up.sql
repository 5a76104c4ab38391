-- +goose Up
-- Each statement can be executed again, for each commits by itself.
CREATE TABLE IF NOT EXISTS hallpass_schema (
	version BIGINT NOT NULL PRIMARY KEY
) ENGINE = InnoDB;

-- A row is a token. Texts are bytes of UTF-8. Times are microseconds since 1970, 0 for none. The seal covers every column.
CREATE TABLE IF NOT EXISTS hallpass_tokens (
	id          VARBINARY(128) NOT NULL PRIMARY KEY,
	name        VARBINARY(128) NOT NULL,
	workspace   VARBINARY(128) NOT NULL,
	project     VARBINARY(128) NOT NULL,
	repository  VARBINARY(128) NOT NULL,
	scope       BLOB           NOT NULL,
	created_by  VARBINARY(128) NOT NULL,
	created_at  BIGINT         NOT NULL,
	revoked_at  BIGINT         NOT NULL,
	replaces    VARBINARY(128) NOT NULL,
	replaced_by VARBINARY(128) NOT NULL,
	extra       BLOB           NOT NULL,
	verifier    VARBINARY(32)  NOT NULL,
	seal        VARBINARY(32)  NOT NULL,
	key_id      BIGINT         NOT NULL,
	format      BIGINT         NOT NULL,
	INDEX hallpass_tokens_workspace (workspace, id),
	INDEX hallpass_tokens_resource (workspace, project, repository, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

-- When a token was last used: a hint for people, which no decision reads.
CREATE TABLE IF NOT EXISTS hallpass_uses (
	id      VARBINARY(128) NOT NULL PRIMARY KEY,
	used_at BIGINT         NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

INSERT INTO hallpass_schema (version)
	SELECT 1 FROM (SELECT 1 AS one) AS one WHERE NOT EXISTS (SELECT * FROM hallpass_schema WHERE version = 1);

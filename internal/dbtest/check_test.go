package dbtest

import (
	"bytes"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hallpass-go/hallpass"
	"github.com/hallpass-go/hallpass/hallpasstest"
	"github.com/hallpass-go/hallpass/sqlstore"
)

func TestTheSecretNeverReachesTheDatabase(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	db, spy := spied(t, file, wal+"&_pragma=wal_autocheckpoint(0)")
	a := on(t, migrated(t, db))
	token, text := issue(t, a, api)
	texts := []string{text}
	for range 3 {
		fresh, secret, err := a.Rotate(t.Context(), acme, token.ID, time.Hour)
		require.NoError(t, err)
		token, texts = fresh, append(texts, secret.Reveal())
	}
	exposed, exposedText := issue(t, a, core)
	texts = append(texts, exposedText)
	for _, text := range texts {
		_, err := a.Authorize(t.Context(), text, api, hallpass.RepositoryRead)
		assert.NotErrorIs(t, err, hallpass.ErrUnauthenticated)
	}
	require.NoError(t, a.FlushUses(t.Context()))
	_, err := a.RevokeExposed(t.Context(), exposedText)
	require.NoError(t, err)
	assert.Len(t, list(t, a, acme, hallpass.ListOptions{IncludeRevoked: true}), 5)
	_, err = a.LastUsed(t.Context(), token.ID, exposed.ID)
	require.NoError(t, err)
	require.NoError(t, a.Revoke(t.Context(), acme, token.ID))
	_, err = a.RevokeAll(t.Context(), acme)
	require.NoError(t, err)
	for _, text := range texts {
		_, err := a.Authenticate(t.Context(), text)
		assert.Equal(t, hallpass.ErrUnauthenticated, err)
	}
	assert.Empty(t, collect(a.Verify(t.Context())))

	var told bytes.Buffer
	statements := spy.take()
	for _, s := range statements {
		fmt.Fprintln(&told, s.text)
		for _, arg := range s.args {
			fmt.Fprintf(&told, "%s\n", arg)
		}
	}
	files, err := filepath.Glob(file + "*")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 2, "the database and its WAL")
	for _, name := range files {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		told.Write(content)
	}
	assert.Contains(t, told.String(), string(token.ID), "this test would see it")
	for _, text := range texts {
		secret := text[3+20:]
		for i := range len(secret) - 8 + 1 {
			assert.NotContains(t, told.String(), secret[i:i+8])
		}
	}
	t.Logf("%d statements, %d bytes", len(statements), told.Len())
}

func TestAKeyWithTheHighestBitSetIsKept(t *testing.T) {
	t.Parallel()
	seen := map[bool]int{}
	for seen[false] < 3 || seen[true] < 3 {
		db := open(t, newFile(t), hasty)
		db.SetMaxOpenConns(1)
		store := migrated(t, db)
		key := hallpass.GenerateKey()
		a := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, key)})
		token, text := issue(t, a, api)
		var raw int64
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT key_id FROM hallpass_tokens").Scan(&raw))
		r, err := store.Get(t.Context(), token.ID)
		require.NoError(t, err)
		assert.Equal(t, uint64(raw), r.KeyID)
		assert.Equal(t, raw < 0, bits.LeadingZeros64(r.KeyID) == 0)
		seen[raw < 0]++

		_, err = a.Authenticate(t.Context(), text)
		assert.NoError(t, err)
		b := hallpasstest.With(t, hallpass.Config{Store: store, Keys: mustKeys(t, hallpass.GenerateKey(), key)})
		assert.Equal(t, map[hallpass.ID]error{token.ID: nil}, collect(b.Reseal(t.Context())))
		assert.Empty(t, collect(b.Verify(t.Context())))
		_, err = b.Authenticate(t.Context(), text)
		assert.NoError(t, err)
		require.NoError(t, b.Check(t.Context()))
		require.NoError(t, b.Revoke(t.Context(), acme, token.ID))
	}
}

func TestNewAsksForADatabaseAndAKnownDialect(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t), "")
	_, err := sqlstore.New(nil, sqlstore.SQLite)
	assert.ErrorIs(t, err, hallpass.ErrInvalid)
	for _, d := range []sqlstore.Dialect{"", "oracle", sqlstore.Dialect("").AllowLossyRevocation()} {
		_, err = sqlstore.New(db, d)
		assert.ErrorIs(t, err, hallpass.ErrInvalid)
		assert.ErrorContains(t, err, "sqlstore.SQLite", "it says what to name")
		assert.Nil(t, sqlstore.Migrations(d))
		assert.Empty(t, sqlstore.Schema(d))
		assert.Empty(t, d.String())
	}
	assert.Equal(t, "sqlite", sqlstore.SQLite.String())
	assert.Equal(t, "sqlite", sqlstore.SQLite.AllowLossyRevocation().String())
}

package alerts

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// FromURL returns the keys that lie at a URL, such as https://api.github.com/meta/public_keys/secret_scanning. They are kept for an hour;
// an identifier that is not among them has them fetched again, at most once a minute, so that unsigned rubbish costs the other side nothing.
func FromURL(url string, client *http.Client) Keys {
	f := &fetcher{url: url, client: client}
	return f.key
}

type fetcher struct {
	url    string
	client *http.Client

	mu      sync.Mutex
	keys    map[string]*ecdsa.PublicKey
	fetched time.Time // when it was last tried
	failed  error     // what came of it
}

func (f *fetcher) key(ctx context.Context, identifier string) (*ecdsa.PublicKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	age := time.Since(f.fetched)
	if key := f.keys[identifier]; key != nil && age < time.Hour {
		return key, nil
	}
	if f.fetched.IsZero() || age > time.Minute {
		keys, err := f.fetch(context.WithoutCancel(ctx)) // what is remembered does not depend on one sender who goes away
		f.fetched, f.failed = time.Now(), err
		if err == nil {
			f.keys = keys
		}
	}
	if f.failed != nil {
		return nil, f.failed // nothing is known of what is not there, and what was known may have been withdrawn
	}
	if key := f.keys[identifier]; key != nil {
		return key, nil
	}
	return nil, ErrUnknownKey
}

func (f *fetcher) fetch(ctx context.Context) (map[string]*ecdsa.PublicKey, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return nil, err
	}
	response, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the keys of secret scanning: status %d", response.StatusCode)
	}
	var list struct {
		Keys []struct {
			Identifier string `json:"key_identifier"`
			Key        string `json:"key"`
		} `json:"public_keys"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxBody)).Decode(&list); err != nil {
		return nil, fmt.Errorf("the keys of secret scanning: %w", err)
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, k := range list.Keys {
		if keys[k.Identifier], err = parse(k.Key); err != nil {
			return nil, fmt.Errorf("the key %.80q of secret scanning: %w", k.Identifier, err)
		}
	}
	return keys, nil
}

func parse(text string) (*ecdsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("no key of ECDSA over P-256")
	}
	return key, nil
}

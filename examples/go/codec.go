package main

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

const (
	encoding = "binary/encrypted"
	keyBytes = 32
)

type key struct {
	id   string
	from time.Time
	aead cipher.AEAD
}

// codec encrypts payloads with the key of aircall-dsr's key file that encrypts now, and decrypts with the key that a payload
// names. Its wire format is that of Temporal's encryption samples: nonce (12 bytes), ciphertext, tag (16 bytes) of the
// protobuf payload. It never passes on a payload that was not encrypted.
type codec struct {
	keys []key // one at least, in the order in which they begin to encrypt
}

var _ converter.PayloadCodec = (*codec)(nil)

// loadCodec tells no error of the JSON parser: it could quote key material.
func loadCodec(path string) (*codec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New("keys-missing: the key file cannot be read. Set AIRCALL_DSR_KEYS to its path.")
	}
	malformed := errors.New("keys-malformed: the file named by AIRCALL_DSR_KEYS is no key file of aircall-dsr. Export it again.")
	var file struct {
		Keys []struct {
			ID      string    `json:"id"`
			From    time.Time `json:"from"`
			Payload []byte    `json:"payload"`
		} `json:"keys"`
	}
	if json.Unmarshal(text, &file) != nil || len(file.Keys) == 0 {
		return nil, malformed
	}
	var keys []key
	for _, entry := range file.Keys {
		if len(entry.Payload) != keyBytes {
			return nil, malformed
		}
		block, err := aes.NewCipher(entry.Payload)
		if err != nil {
			return nil, malformed
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key{entry.ID, entry.From, aead})
	}
	slices.SortStableFunc(keys, func(a, b key) int { return a.from.Compare(b.from) })
	return &codec{keys}, nil
}

// primary is the last key whose time has come. On a machine whose clock is before all of them, it is the first.
func (c *codec) primary() key {
	primary := c.keys[0]
	for _, each := range c.keys {
		if !each.from.After(time.Now()) {
			primary = each
		}
	}
	return primary
}

func (c *codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	encoded := make([]*commonpb.Payload, len(payloads))
	primary := c.primary()
	for i, payload := range payloads {
		plain, err := proto.Marshal(payload)
		if err != nil {
			return nil, err
		}
		encoded[i] = &commonpb.Payload{
			Metadata: map[string][]byte{"encoding": []byte(encoding), "encryption-key-id": []byte(primary.id)},
			Data:     primary.aead.Seal(nil, nil, plain, nil),
		}
	}
	return encoded, nil
}

func (c *codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		if string(payload.GetMetadata()["encoding"]) != encoding {
			return nil, errors.New("payload-broken: a payload is not encrypted. Ask who started the request without the key.")
		}
		id := string(payload.GetMetadata()["encryption-key-id"])
		known := slices.IndexFunc(c.keys, func(each key) bool { return each.id == id })
		if known < 0 {
			return nil, fmt.Errorf("unknown-key: key %q is not in the key file. Export it again.", id)
		}
		plain, err := c.keys[known].aead.Open(nil, nil, payload.GetData(), nil)
		if err != nil {
			return nil, fmt.Errorf("payload-broken: a payload does not fit key %q. Export the key file again.", id)
		}
		decoded[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, decoded[i]); err != nil {
			return nil, err
		}
	}
	return decoded, nil
}

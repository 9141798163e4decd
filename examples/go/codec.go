package main

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

const (
	encoding = "binary/encrypted"
	keyBytes = 32
)

// codec encrypts payloads with the primary key of aircall-dsr's key file and decrypts with the key that a payload
// names. Its wire format is that of Temporal's encryption samples: nonce (12 bytes), ciphertext, tag (16 bytes) of the
// protobuf payload. It never passes on a payload that was not encrypted.
type codec struct {
	primary string
	ciphers map[string]cipher.AEAD
}

var _ converter.PayloadCodec = (*codec)(nil)

// loadCodec tells no error of the JSON parser: it could quote key material.
func loadCodec(path string) (*codec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New("keys-missing: the key file cannot be read. Set AIRCALL_DSR_KEYS to its path.")
	}
	malformed := errors.New("keys-malformed: the file named by AIRCALL_DSR_KEYS is no key file of aircall-dsr. Restore it from a backup.")
	var file struct {
		Primary string `json:"primary"`
		Keys    []struct {
			ID  string `json:"id"`
			Key []byte `json:"key"`
		} `json:"keys"`
	}
	if json.Unmarshal(text, &file) != nil {
		return nil, malformed
	}
	ciphers := make(map[string]cipher.AEAD)
	for _, entry := range file.Keys {
		if len(entry.Key) != keyBytes {
			return nil, malformed
		}
		block, err := aes.NewCipher(entry.Key)
		if err != nil {
			return nil, malformed
		}
		if ciphers[entry.ID], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, err
		}
	}
	if ciphers[file.Primary] == nil {
		return nil, malformed
	}
	return &codec{file.Primary, ciphers}, nil
}

func (c *codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		plain, err := proto.Marshal(payload)
		if err != nil {
			return nil, err
		}
		encoded[i] = &commonpb.Payload{
			Metadata: map[string][]byte{"encoding": []byte(encoding), "encryption-key-id": []byte(c.primary)},
			Data:     c.ciphers[c.primary].Seal(nil, nil, plain, nil),
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
		aead, known := c.ciphers[id]
		if !known {
			return nil, fmt.Errorf("unknown-key: key %q is not in the key file. Use the key file of the worker.", id)
		}
		plain, err := aead.Open(nil, nil, payload.GetData(), nil)
		if err != nil {
			return nil, fmt.Errorf("payload-broken: a payload does not fit key %q. Use the key file of the worker.", id)
		}
		decoded[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, decoded[i]); err != nil {
			return nil, err
		}
	}
	return decoded, nil
}

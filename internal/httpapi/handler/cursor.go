package handler

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// list names a list, so that a cursor of one is refused by all others. Values are part of cursors that clients hold:
// never change or reuse one.
type list byte

const (
	listCredits     list = 'c'
	listProjects    list = 'p'
	listProjectJobs list = 'q'
	listJobs        list = 'j'
	listSessions    list = 's'
	listChats       list = 'h'
	listMessages    list = 'm'
	// The same, the other way round.
	listNewestMessages list = 'n'
)

// position is the key of the last item of a page: lists are ordered by it, so that items which arrive meanwhile neither
// repeat nor hide one.
type position interface{ uuid.UUID | int64 | instant }

var errInvalidCursor = apperr.New(apperr.Invalid, apperr.CodeInvalidCursor, "This cursor is not one of ours. Start with the first page.")

// cursors are the keys by which cursors are known to be ours, the current one first. None of ours can be made by a client,
// and so no position that a query can't take.
type cursors [][]byte

// cursorMAC is how many bytes of the MAC a cursor has: more than can be guessed over the network.
const cursorMAC = 16

// mac authenticates the list and the key of a position.
func (cursors) mac(key, raw []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(raw)
	return h.Sum(nil)[:cursorMAC]
}

// encodeCursor answers the next_cursor of a page that ends at last: the list's byte, the key and a MAC, in base64. It holds
// no secret and grants nothing.
func encodeCursor[P position](c cursors, l list, last P) string {
	raw := append(make([]byte, 0, 48), byte(l))
	switch key := any(last).(type) {
	case uuid.UUID:
		raw = append(raw, key[:]...)
	case int64:
		raw = binary.BigEndian.AppendUint64(raw, uint64(key))
	case instant:
		raw = append(raw, key[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(append(raw, c.mac(c[0], raw)...))
}

// decodeCursor reads the cursor parameter of a list; without one the page starts at first. It fails with
// invalid_cursor.
func decodeCursor[P position](c cursors, l list, cursor *string, first P) (P, error) {
	if cursor == nil {
		return first, nil
	}
	var last P
	raw, err := base64.RawURLEncoding.DecodeString(*cursor)
	if err != nil || len(raw) != 1+binary.Size(last)+cursorMAC || base64.RawURLEncoding.EncodeToString(raw) != *cursor { // one spelling is enough
		return last, errInvalidCursor
	}
	raw, sum := raw[:len(raw)-cursorMAC], raw[len(raw)-cursorMAC:]
	ours := false
	for _, key := range c {
		ours = ours || hmac.Equal(sum, c.mac(key, raw))
	}
	if !ours || raw[0] != byte(l) {
		return last, errInvalidCursor
	}
	switch key := any(&last).(type) {
	case *uuid.UUID:
		copy(key[:], raw[1:])
	case *int64:
		*key = int64(binary.BigEndian.Uint64(raw[1:]))
	case *instant:
		copy(key[:], raw[1:])
	}
	return last, nil
}

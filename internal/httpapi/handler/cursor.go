package handler

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"

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

// encodeCursor answers the next_cursor of a page that ends at last: the list's byte, the key and a checksum against
// typing errors, in base64. It holds no secret and grants nothing.
func encodeCursor[P position](l list, last P) string {
	raw := append(make([]byte, 0, 29), byte(l))
	switch key := any(last).(type) {
	case uuid.UUID:
		raw = append(raw, key[:]...)
	case int64:
		raw = binary.BigEndian.AppendUint64(raw, uint64(key))
	case instant:
		raw = append(raw, key[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw)))
}

// decodeCursor reads the cursor parameter of a list; without one the page starts at first. It fails with
// invalid_cursor.
func decodeCursor[P position](l list, cursor *string, first P) (P, error) {
	if cursor == nil {
		return first, nil
	}
	var last P
	raw, err := base64.RawURLEncoding.DecodeString(*cursor)
	if err != nil || len(raw) < 5 || base64.RawURLEncoding.EncodeToString(raw) != *cursor { // one spelling is enough
		return last, errInvalidCursor
	}
	raw, sum := raw[:len(raw)-4], binary.BigEndian.Uint32(raw[len(raw)-4:])
	if raw[0] != byte(l) || len(raw) != 1+binary.Size(last) || sum != crc32.ChecksumIEEE(raw) {
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

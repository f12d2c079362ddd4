package jsonappend

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// AppendUUID appends the JSON of an id.
func AppendUUID(b []byte, id uuid.UUID) []byte {
	b = hex.AppendEncode(append(b, '"'), id[:4])
	for _, part := range [][]byte{id[4:6], id[6:8], id[8:10], id[10:]} { // RFC 9562, 4
		b = hex.AppendEncode(append(b, '-'), part)
	}
	return append(b, '"')
}

// AppendString appends a JSON string: as it is where nothing in it needs to be escaped, as most text does not.
func AppendString(b []byte, s string) ([]byte, error) {
	plain := 0 // bytes that are ASCII and mean themselves
	for plain < len(s) && isPlain[s[plain]] {
		plain++
	}
	if plain == len(s) || strings.IndexFunc(s[plain:], needsCare) < 0 {
		return append(append(append(b, '"'), s...), '"'), nil
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode text: %w", err)
	}
	return append(b, encoded...), nil
}

// needsCare reports what encoding/json may escape; also the rune that stands for bytes which are not UTF-8.
func needsCare(r rune) bool {
	return r < ' ' || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029' || r == '\uFFFD'
}

// isPlain has true for what needs no care, of ASCII.
var isPlain = func() (table [256]bool) { //nolint:gochecknoglobals // a constant, but for the language
	for b := range utf8.RuneSelf {
		table[b] = !needsCare(rune(b))
	}
	return table
}()

package jsonappend_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/api/jsonappend"
)

// Every character, and bytes that are none, by itself and among others.
func TestAppendString_equalsEncodingJSON(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var all strings.Builder
	for r := range rune(0x3000) {
		all.WriteRune(r)
		requireSameText(t, string(r))
	}
	requireSameText(t, all.String())
	for range 2000 {
		text := make([]byte, random.IntN(12))
		for i := range text {
			text[i] = byte(random.Uint32())
		}
		requireSameText(t, string(text))
		requireSameText(t, string(utf8.AppendRune([]byte("a"), rune(random.IntN(utf8.MaxRune+1)))))
	}
}

func requireSameText(t *testing.T, text string) {
	t.Helper()
	want, err := json.Marshal(text)
	require.NoError(t, err)
	got, err := jsonappend.AppendString(nil, text)
	require.NoError(t, err)
	if !bytes.Equal(want, got) {
		t.Fatalf("%q: %s instead of %s", text, got, want)
	}
}

func TestAppendUUID_equalsEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, id := range []uuid.UUID{uuid.Nil, uuid.Max, uuid.New(), uuid.MustParse("0199f3aa-4e5f-7061-9273-8e9fa0b1c2d3")} {
		want, err := json.Marshal(id)
		require.NoError(t, err)
		require.Equal(t, string(want), string(jsonappend.AppendUUID(nil, id)))
	}
}

func TestAppendTime_equalsEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		{},
		time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(2026, 11, 21, 18, 4, 0, 120_000_000, time.FixedZone("", 5400)),
	} {
		want, err := json.Marshal(at)
		require.NoError(t, err)
		got, err := jsonappend.AppendTime(nil, at)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
}

package handler

import (
	"encoding/base64"
	"math"
	"net/url"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestCursor_isReadAsWritten(t *testing.T) {
	t.Parallel()
	id := someID
	s := encodeCursor(listJobs, id)
	require.Len(t, s, 28)
	require.Equal(t, s, url.QueryEscape(s))
	got, err := decodeCursor(listJobs, &s, uuid.Max)
	require.NoError(t, err)
	require.Equal(t, id, got)

	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		s := encodeCursor(listCredits, n)
		got, err := decodeCursor(listCredits, &s, int64(7))
		require.NoError(t, err)
		require.Equal(t, n, got)
	}
	first, err := decodeCursor(listJobs, nil, uuid.Max)
	require.NoError(t, err)
	require.Equal(t, uuid.Max, first)
}

func TestCursor_isRefusedWhereItIsNotOurs(t *testing.T) {
	t.Parallel()
	good := encodeCursor(listJobs, someID)
	bad := []string{
		"", "x", "MDE5YTdmNTA", good + "A", good[:27], good[1:], good + "==", good + "\n", " " + good,
		encodeCursor(listProjects, someID), // of another list
		encodeCursor(listJobs, int64(7)),   // of another key
		base64.RawURLEncoding.EncodeToString(make([]byte, 21)),
		base64.RawURLEncoding.EncodeToString(make([]byte, 200)),
	}
	for i := range good { // one character mistyped
		other := byte('A')
		if good[i] == 'A' {
			other = 'B'
		}
		bad = append(bad, good[:i]+string(other)+good[i+1:])
	}
	for _, s := range bad {
		_, err := decodeCursor(listJobs, &s, uuid.Max)
		require.ErrorIs(t, err, errInvalidCursor, s)
	}
	n := encodeCursor(listCredits, int64(1))
	n = n[:len(n)-1] + "_" // the last character has bits to spare, which must be zero
	_, err := decodeCursor(listCredits, &n, int64(0))
	require.ErrorIs(t, err, errInvalidCursor)
}

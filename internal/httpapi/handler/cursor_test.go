package handler

import (
	"encoding/base64"
	"math"
	"net/url"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

var testCursors = cursors{[]byte("the key of today"), []byte("the key of yesterday")}

func TestCursor_isReadAsWritten(t *testing.T) {
	t.Parallel()
	id := someID
	s := encodeCursor(testCursors, listJobs, id)
	require.Len(t, s, 44)
	require.Equal(t, s, url.QueryEscape(s))
	got, err := decodeCursor(testCursors, listJobs, &s, uuid.Max)
	require.NoError(t, err)
	require.Equal(t, id, got)

	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		s := encodeCursor(testCursors, listCredits, n)
		got, err := decodeCursor(testCursors, listCredits, &s, int64(7))
		require.NoError(t, err)
		require.Equal(t, n, got)
	}
	first, err := decodeCursor(testCursors, listJobs, nil, uuid.Max)
	require.NoError(t, err)
	require.Equal(t, uuid.Max, first)
}

func TestCursor_isRefusedWhereItIsNotOurs(t *testing.T) {
	t.Parallel()
	good := encodeCursor(testCursors, listJobs, someID)
	bad := []string{
		"", "x", "MDE5YTdmNTA", good + "A", good[:43], good[1:], good + "==", good + "\n", " " + good,
		encodeCursor(testCursors, listProjects, someID), // of another list
		encodeCursor(testCursors, listJobs, int64(7)),   // of another key
		base64.RawURLEncoding.EncodeToString(make([]byte, 33)),
		encodeCursor(cursors{[]byte("the key of a stranger")}, listJobs, someID),
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
		_, err := decodeCursor(testCursors, listJobs, &s, uuid.Max)
		require.ErrorIs(t, err, errInvalidCursor, s)
	}
	n := encodeCursor(testCursors, listCredits, int64(1))
	n = n[:len(n)-1] + "_" // the last character has bits to spare, which must be zero
	_, err := decodeCursor(testCursors, listCredits, &n, int64(0))
	require.ErrorIs(t, err, errInvalidCursor)
}

// What a client makes up never gets as far as a query, whatever it knows of the form: the first of these is a chat of the year
// 144,683, with the checksum that earlier releases took.
func TestCursor_canNotBeForged(t *testing.T) {
	t.Parallel()
	zeros := append([]byte{byte(listChats)}, make([]byte, 40)...)
	for _, forged := range []string{"aP0PfMFBH6AAAAAAAAAAAAAAAAAAAAAAAMwSr2c", base64.RawURLEncoding.EncodeToString(zeros)} {
		_, err := decodeCursor(testCursors, listChats, &forged, firstChat())
		require.ErrorIs(t, err, errInvalidCursor)
	}
}

// A cursor outlives a change of JWT_SECRET for as long as the previous secret is valid.
func TestCursor_survivesAChangeOfTheSecret(t *testing.T) {
	t.Parallel()
	before := encodeCursor(testCursors[1:], listJobs, someID)
	got, err := decodeCursor(testCursors, listJobs, &before, uuid.Max)
	require.NoError(t, err)
	require.Equal(t, someID, got)
	_, err = decodeCursor(testCursors[:1], listJobs, &before, uuid.Max)
	require.ErrorIs(t, err, errInvalidCursor)
}

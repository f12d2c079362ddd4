package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

func TestExactly(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	cases := []struct {
		name string
		body io.Reader
		size int64
		want []error // nil: the body passes
	}{
		{"exact", strings.NewReader("12345"), 5, nil},
		{"exact, a byte at a time", iotest.OneByteReader(strings.NewReader("12345")), 5, nil},
		{"exact, end with the data", iotest.DataErrReader(strings.NewReader("12345")), 5, nil},
		{"empty", strings.NewReader(""), 0, nil},
		{"short", strings.NewReader("1234"), 5, []error{storage.ErrBody}},
		{"long", strings.NewReader("123456"), 5, []error{storage.ErrBody}},
		{"not empty", strings.NewReader("1"), 0, []error{storage.ErrBody}},
		{
			"broken in the middle", iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("12345"))), 5,
			[]error{storage.ErrBody, iotest.ErrTimeout},
		},
		{
			"broken at the end", io.MultiReader(strings.NewReader("12345"), iotest.ErrReader(broken)), 5,
			[]error{storage.ErrBody, broken},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reader := storage.Exactly(t.Context(), c.body, c.size)
			got, err := io.ReadAll(reader)
			if c.want == nil {
				require.NoError(t, err)
				require.Equal(t, "12345"[:c.size], string(got))
				return
			}
			for _, want := range c.want {
				require.ErrorIs(t, err, want)
			}
			require.True(t, len(got) < int(c.size) || c.size == 0, "a transfer that fails is never complete")
			_, again := reader.Read(make([]byte, 1))
			require.Equal(t, err, again)
		})
	}
}

func TestExactly_context(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	reader := storage.Exactly(ctx, bytes.NewReader(make([]byte, 100)), 100)
	_, err := reader.Read(make([]byte, 10))
	require.NoError(t, err)
	cancel()
	_, err = reader.Read(make([]byte, 10))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, storage.ErrBody)
}

package apperr_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

func TestPanicked_tellsNoText(t *testing.T) {
	t.Parallel()
	for _, value := range []any{"a secret", errors.New("a secret"), []string{"a secret"}, map[string]string{"a secret": ""}} {
		require.NotContains(t, apperr.Panicked(value).Error(), "a secret")
	}
	require.EqualError(t, apperr.Panicked(errors.New("a secret")), "panic with a *errors.errorString")
}

func TestPanicked_tellsWhatGoFound(t *testing.T) {
	t.Parallel()
	defer func() {
		err := apperr.Panicked(recover())
		require.ErrorContains(t, err, "index out of range [3] with length 2")
		fault, ok := errors.AsType[runtime.Error](err)
		require.True(t, ok, "%v", fault)
	}()
	two, three := []int{1, 2}, 3
	_ = two[three]
}

package token_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth/token"
)

func TestTyped_readsCodesAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{
		"042137", " 042137", "042 137", "042-137", "042\u2013137", "042\u2212137", "042137\n", "\t042137\r\n", "０４２１３７", "０４２　１３７",
		"042\u00a0137", "0\u200b42137", "\ufeff042137", "0 4 2 1 3 7", "042.137", "(042137)", "\u202d042137\u202c",
	} {
		require.Equal(t, "042137", token.Typed(typed), "%q", typed)
	}
	require.Equal(t, "7K3M9QX2VB4T", token.Typed("7K3M9Q-Ｘ２VB4T"))
	for _, wrong := range []string{"04213a", "0421é37", "042137\u3042"} {
		require.NotEqual(t, "042137", token.Typed(wrong), "what is wrong stays so")
	}
}

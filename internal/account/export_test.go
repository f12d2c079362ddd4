package account_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/account"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func (f *fixture) export(t *testing.T, buffer *bytes.Buffer, of *account.Export) map[string]any {
	t.Helper()
	require.NoError(t, of.Write(t.Context(), buffer))
	var document map[string]any
	require.NoError(t, json.Unmarshal(buffer.Bytes(), &document))
	return document
}

func TestExport_200_everythingAndNothingOfOthers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, session := f.populated(t, "ada")
	grace, _ := f.populated(t, "grace")
	export, err := f.Export(t.Context(), user.ID, here)
	require.NoError(t, err)
	var raw bytes.Buffer
	document := f.export(t, &raw, export)

	owner := document["account"].(map[string]any)
	require.Equal(t, "ada@example.com", owner["email"])
	require.Equal(t, "1995-12-10", owner["dob"])
	for section, want := range map[string]int{
		"sessions": 1, "assets": 4, "projects": 1, "prompts": 1, "jobs": 1, "renders": 1, "chats": 1, "messages": 1, "mails": 1,
	} {
		require.Len(t, document[section], want, section)
	}
	var actions []any
	for _, event := range document["events"].([]any) {
		actions = append(actions, event.(map[string]any)["action"])
	}
	require.Equal(t, []any{"signed_up", "signed_in", "grant", "data_exported"}, actions)
	require.Contains(t, raw.String(), "my secret diary")
	require.Contains(t, raw.String(), here.IP)

	require.NotContains(t, raw.String(), grace.ID.String())
	for _, secret := range []string{"argon2", "hash", "nonce", "lease", session.Refresh.Token(), session.AccessToken} {
		require.NotContains(t, raw.String(), secret)
	}
	require.NotContains(t, raw.String(), "+05:45", "times are in UTC, whatever zone the database is set to")
}

func TestExport_readsPageByPage(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.member(t, "ada")
	const messages = 1203
	_, err := f.store.Pool().Exec(t.Context(), `with chat as (
			insert into chats (id, user_id, last_seq) values (gen_random_uuid(), $1, $2) returning id
		)
		insert into messages (id, chat_id, seq, sender, content)
		select gen_random_uuid(), chat.id, n, 'user', 'message ' || n from chat, generate_series(1, $2) n`, user.ID, messages)
	require.NoError(t, err)
	export, err := f.Export(t.Context(), user.ID, here)
	require.NoError(t, err)
	document := f.export(t, new(bytes.Buffer), export)
	seen := map[any]bool{}
	for _, message := range document["messages"].([]any) {
		seen[message.(map[string]any)["content"]] = true
	}
	require.Len(t, document["messages"], messages)
	for n := 1; n <= messages; n++ {
		require.True(t, seen[fmt.Sprintf("message %d", n)])
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestExport_failsWhenItsWriterFails(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.Export(t.Context(), factory.ID(), here)
	require.ErrorIs(t, err, account.ErrNotFound)
	user, _ := f.member(t, "ada")
	export, err := f.Export(t.Context(), user.ID, here)
	require.NoError(t, err)
	require.ErrorContains(t, export.Write(t.Context(), fullDisk{}), "no space")
}

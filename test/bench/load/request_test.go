package load

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRender_fillsIn(t *testing.T) {
	t.Parallel()
	r := Request{Method: "POST", Path: "/chat/${chat}${cursor|?cursor=}", Headers: []string{"Authorization: Bearer ${token}"}, Body: `{"a":"${token}"}`}
	require.Equal(t, "POST /chat/7 HTTP/1.1\r\nHost: h:1\r\nContent-Type: application/json\r\nAuthorization: Bearer t\r\n"+
		"Content-Length: 9\r\n\r\n"+`{"a":"t"}`, r.render("h:1", Vars{"chat": "7", "token": "t", "cursor": ""}))
	require.Contains(t, r.render("h:1", Vars{"chat": "7", "cursor": "c"}), "/chat/7?cursor=c ")
	nonce := Request{Body: "${nonce}"}
	first := nonce.render("h:1", nil)
	require.NotEqual(t, first, nonce.render("h:1", nil))
}

func TestMember_findsAValue(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"next":"abc","x":1}`: "abc", `{"next":12}`: "12", `{"next":null}`: "", `{"other":1}`: "", `{"items":[],"next": "z"}`: "z",
	} {
		require.Equal(t, want, member([]byte(body), "next"), body)
	}
	require.Empty(t, member([]byte(strings.Repeat("x", 10)), "next"))
}

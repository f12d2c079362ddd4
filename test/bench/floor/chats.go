package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	chatByID   = "select session_name, last_seq, created_at, updated_at from chats where id = $1 and user_id = $2"
	addMessage = `with c as (
			update chats set last_seq = last_seq + 1, updated_at = now() where id = $1 and user_id = $2 returning id, last_seq
		)
		insert into messages (chat_id, seq, sender, content) select id, last_seq, 'user', $3 from c returning id::text, seq, created_at`
	pageOfChat = `select m.id::text, m.seq, m.sender, m.content, m.created_at from chats c join messages m on m.chat_id = c.id
		where c.id = $1 and c.user_id = $2 and m.seq < $3 order by m.seq desc limit $4`
)

func (f *floor) getChat(w http.ResponseWriter, r *http.Request, user string) {
	var name string
	var seq int64
	var created, updated time.Time
	id := r.PathValue("id")
	if found, err := f.one(r.Context(), chatByID, []any{id, user}, &name, &seq, &created, &updated); !found {
		lacking(w, err)
		return
	}
	b := appendString([]byte(`{"id":"`+id+`","session_name":`), name)
	b = strconv.AppendInt(append(b, `,"url":"https://localhost/c/`+id+`","last_seq":`...), seq, 10)
	b = appendTime(append(b, `,"created_at":`...), created)
	b = appendTime(append(b, `,"updated_at":`...), updated)
	answer(w, http.StatusOK, append(b, '}'))
}

func appendMessage(b []byte, id, chat string, seq int64, sender, content string, at time.Time) []byte {
	b = append(b, `{"id":"`...)
	b = append(b, id...)
	b = append(b, `","chat_id":"`...)
	b = append(b, chat...)
	b = strconv.AppendInt(append(b, `","seq":`...), seq, 10)
	b = append(b, `,"sender":"`...)
	b = append(b, sender...)
	b = appendString(append(b, `","content":`...), content)
	b = appendTime(append(b, `,"created_at":`...), at)
	return append(b, '}')
}

func (f *floor) sendMessage(w http.ResponseWriter, r *http.Request, user string) {
	var in struct{ Content string }
	if json.NewDecoder(r.Body).Decode(&in) != nil || in.Content == "" {
		refuse(w, http.StatusBadRequest, "malformed_json")
		return
	}
	var id string
	var seq int64
	var at time.Time
	chat := r.PathValue("id")
	if found, err := f.one(r.Context(), addMessage, []any{chat, user, in.Content}, &id, &seq, &at); !found {
		lacking(w, err)
		return
	}
	message := appendMessage(make([]byte, 0, 512), id, chat, seq, "user", in.Content, at)
	if f.hub != nil {
		if err := f.command("PUBLISH", channel+chat, message); err != nil {
			lacking(w, err)
			return
		}
	}
	answer(w, http.StatusCreated, append(append([]byte(`{"message":`), message...), `,"reply":null}`...))
}

func (f *floor) listMessages(w http.ResponseWriter, r *http.Request, user string) {
	chat, query := r.PathValue("id"), r.URL.Query()
	before, limit := int64(1)<<62, int64(50)
	if cursor := query.Get("cursor"); cursor != "" {
		text, _ := base64URL.DecodeString(cursor)          // a cursor of our own
		before, _ = strconv.ParseInt(string(text), 10, 64) // …
	}
	if text := query.Get("limit"); text != "" {
		limit, _ = strconv.ParseInt(text, 10, 64)
	}
	rows, err := f.db.Query(r.Context(), pageOfChat, chat, user, before, limit)
	if err != nil {
		lacking(w, err)
		return
	}
	b, n := append(make([]byte, 0, 32<<10), `{"items":[`...), int64(0)
	var id, sender, content string
	var seq int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &seq, &sender, &content, &at}, func() error {
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = appendMessage(b, id, chat, seq, sender, content, at)
		return nil
	})
	found := n > 0
	if !found && err == nil { // an empty page, or not this user's chat
		found, err = f.one(r.Context(), chatByID, []any{chat, user}, nil, nil, nil, nil)
	}
	if !found || err != nil {
		lacking(w, err)
		return
	}
	b = append(b, `],"next_cursor":`...)
	if n == limit {
		b = append(append(b, '"'), base64URL.EncodeToString(strconv.AppendInt(nil, seq, 10))...)
		b = append(b, '"')
	} else {
		b = append(b, "null"...)
	}
	answer(w, http.StatusOK, append(b, '}'))
}

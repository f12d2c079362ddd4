package handler

import (
	"context"
	"errors"
	"math"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/httpapi/sse"
	"github.com/mugshot-studio/backend/internal/platform/events"
)

// chatHandlers are the operations of the tag chat.
type chatHandlers struct {
	cursors cursors
	chats   *chat.Service
	appURL  string // of the web app, without a slash at the end
}

// NewChat answers POST /chat/new.
func (h chatHandlers) NewChat(ctx context.Context, r api.NewChatRequestObject) (api.NewChatResponseObject, error) {
	var body api.NewChatJSONRequestBody
	if r.Body != nil {
		body = *r.Body
	}
	var name string
	if body.SessionName != nil {
		name = *body.SessionName
	}
	begun, err := h.chats.Create(ctx, edge.PrincipalFrom(ctx).UserID, name, body.ProjectID)
	if err != nil {
		return nil, err
	}
	return api.NewChat201JSONResponse{ChatID: begun.ID, URL: h.url(begun.ID)}, nil
}

// ListChats answers GET /chat.
func (h chatHandlers) ListChats(ctx context.Context, r api.ListChatsRequestObject) (api.ListChatsResponseObject, error) {
	after, err := decodeCursor(h.cursors, listChats, r.Params.Cursor, firstChat())
	if err != nil {
		return nil, err
	}
	size := pageSize(r.Params.Limit)
	rows, err := h.chats.List(ctx, edge.PrincipalFrom(ctx).UserID, chatPosition(after), size+1)
	if err != nil {
		return nil, err
	}
	rows, next := paginate(h.cursors, listChats, rows, size, func(c db.Chat) instant { return instantOf(c.UpdatedAt, c.ID) })
	items := make([]api.Chat, len(rows))
	for i, row := range rows {
		items[i] = h.toChat(row)
	}
	return api.ListChats200JSONResponse{Items: items, NextCursor: next}, nil
}

// GetChat answers GET /chat/{chat_id}.
func (h chatHandlers) GetChat(ctx context.Context, r api.GetChatRequestObject) (api.GetChatResponseObject, error) {
	row, err := h.chats.Get(ctx, edge.PrincipalFrom(ctx).UserID, r.ChatID)
	if err != nil {
		return nil, err
	}
	return chatAnswer{h.toChat(row)}, nil
}

// UpdateChat answers PATCH /chat/{chat_id}.
func (h chatHandlers) UpdateChat(ctx context.Context, r api.UpdateChatRequestObject) (api.UpdateChatResponseObject, error) {
	row, err := h.chats.Update(ctx, edge.PrincipalFrom(ctx).UserID, r.ChatID, chatChangeOf(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.UpdateChat200JSONResponse(h.toChat(row)), nil
}

// DeleteChat answers DELETE /chat/{chat_id}.
func (h chatHandlers) DeleteChat(ctx context.Context, r api.DeleteChatRequestObject) (api.DeleteChatResponseObject, error) {
	if err := h.chats.Delete(ctx, edge.PrincipalFrom(ctx).UserID, r.ChatID); err != nil {
		return nil, err
	}
	return api.DeleteChat204Response{}, nil
}

// ListMessages answers GET /chat/{chat_id}/messages.
func (h chatHandlers) ListMessages(
	ctx context.Context, r api.ListMessagesRequestObject,
) (api.ListMessagesResponseObject, error) {
	name, first, read := listMessages, int64(0), h.chats.Messages
	if r.Params.Order != nil && *r.Params.Order == api.ListMessagesParamsOrderDesc {
		name, first, read = listNewestMessages, math.MaxInt64, h.chats.NewestMessages
	}
	from, err := decodeCursor(h.cursors, name, r.Params.Cursor, first)
	if err != nil {
		return nil, err
	}
	size := pageSize(r.Params.Limit)
	rows, err := read(ctx, edge.PrincipalFrom(ctx).UserID, r.ChatID, from, size+1)
	if err != nil {
		return nil, err
	}
	rows, next := paginate(h.cursors, name, rows, size, func(m chat.Message) int64 { return m.Seq })
	items, err := toMessages(rows)
	if err != nil {
		return nil, err
	}
	return messagesAnswer{api.MessageList{Items: items, NextCursor: next}}, nil
}

// SendMessage answers POST /chat/{chat_id}/messages.
func (h chatHandlers) SendMessage(
	ctx context.Context, r api.SendMessageRequestObject,
) (api.SendMessageResponseObject, error) {
	key, err := edge.IdempotencyKey("sendMessage", r.Params.IdempotencyKey, r.ChatID, r.Body)
	if err != nil {
		return nil, err
	}
	reply := r.Body.Reply == nil || *r.Body.Reply
	sent, replayed, err := h.chats.Send(ctx, edge.PrincipalFrom(ctx).UserID, r.ChatID, r.Body.Content, reply, key)
	if err != nil {
		return nil, err
	}
	body, err := toSent(sent)
	if err != nil {
		return nil, err
	}
	return sentAnswer{body, replayed}, nil
}

// StopReply answers POST /chat/{chat_id}/messages/{message_id}/stop.
func (h chatHandlers) StopReply(ctx context.Context, r api.StopReplyRequestObject) (api.StopReplyResponseObject, error) {
	reply, err := h.chats.Stop(ctx, edge.PrincipalFrom(ctx).UserID, r.ChatID, r.MessageID)
	if err != nil {
		return nil, err
	}
	body, err := toMessage(reply)
	if err != nil {
		return nil, err
	}
	return api.StopReply200JSONResponse(body), nil
}

// RetryReply answers POST /chat/{chat_id}/messages/{message_id}/retry.
func (h chatHandlers) RetryReply(ctx context.Context, r api.RetryReplyRequestObject) (api.RetryReplyResponseObject, error) {
	reply, err := h.chats.Retry(ctx, edge.PrincipalFrom(ctx).UserID, r.ChatID, r.MessageID)
	if err != nil {
		return nil, err
	}
	body, err := toMessage(reply)
	if err != nil {
		return nil, err
	}
	return api.RetryReply200JSONResponse(body), nil
}

// StreamChatEvents answers GET /chat/{chat_id}/events.
func (h chatHandlers) StreamChatEvents(
	ctx context.Context, r api.StreamChatEventsRequestObject,
) (api.StreamChatEventsResponseObject, error) {
	userID := edge.PrincipalFrom(ctx).UserID
	if _, err := h.chats.Get(ctx, userID, r.ChatID); err != nil {
		return nil, err
	}
	seen := lastSeen(r.Params.LastEventID)
	return sse.Respond(ctx, streamLifetime, func(ctx context.Context, send func(sse.Event) error, ended func(error)) *events.Following {
		pass := func(u chat.Update) error {
			event, err := toChatEvent(u)
			if err != nil {
				return err
			}
			return send(event)
		}
		return h.chats.Follow(ctx, userID, r.ChatID, seen, pass, func(err error) {
			if errors.Is(err, chat.ErrNotFound) || errors.Is(err, chat.ErrNoReply) {
				err = nil // deleted while it was followed
			}
			ended(err)
		})
	}), nil
}

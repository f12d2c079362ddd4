// Command floor does the least that a Go process must do for the measured work: net/http, pgx, one SQL statement a request, JSON
// written by hand, and no validation, limits, request ids, logs or metrics. It is the lower bound that our server is compared
// with, and no example to follow: it trusts its callers, and its queue loses jobs.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/jackc/pgx/v5/pgxpool"
)

// settings come as JSON on the standard input.
type settings struct {
	Postgres string // a connection string, with the size of the pool
	Redis    string // a URL
	Secret   string // signs session tokens
	Listen   string // where to serve the API; empty: be a worker
	Events   bool   // announce new messages to those who follow a chat
	Slots    int    // how many jobs a worker runs at a time
}

// floor is what the API and the worker share.
type floor struct {
	db     *pgxpool.Pool
	redis  *redis.Pool
	secret []byte
	hub    *hub // nil: without event streams
}

func main() {
	if err := run(context.Background()); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var s settings
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		return err
	}
	db, err := pgxpool.New(ctx, s.Postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Ping(ctx); err != nil {
		return err
	}
	dial := func() (redis.Conn, error) { return redis.DialURL(s.Redis) }
	f := &floor{db: db, redis: &redis.Pool{Dial: dial, MaxIdle: 16}, secret: []byte(s.Secret)}
	if s.Listen == "" {
		return f.work(ctx, dial, s.Slots)
	}
	if s.Events {
		f.hub = &hub{streams: map[string]map[chan string]bool{}}
		go f.hub.listen(dial)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/auth/signin", f.signIn)
	mux.HandleFunc("GET /api/v1/chat/{id}", f.authenticated(f.getChat))
	mux.HandleFunc("POST /api/v1/chat/{id}/messages", f.authenticated(f.sendMessage))
	mux.HandleFunc("GET /api/v1/chat/{id}/messages", f.authenticated(f.listMessages))
	mux.HandleFunc("GET /api/v1/chat/{id}/events", f.authenticated(f.streamEvents))
	mux.HandleFunc("POST /api/v1/project/{id}/queue", f.authenticated(f.queue))
	server := &http.Server{Addr: s.Listen, Handler: mux, ReadHeaderTimeout: time.Minute}
	return server.ListenAndServe()
}

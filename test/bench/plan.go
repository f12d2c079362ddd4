package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mugshot-studio/backend/test/bench/load"
	"github.com/mugshot-studio/backend/test/bench/report"
	"github.com/mugshot-studio/backend/test/bench/servers"
)

// driver runs a workload once on one side.
type driver interface {
	Run(ctx context.Context, bracket load.Bracket) (load.Tally, error)
}

// target is what a driver needs to know of a running side.
type target struct {
	addr, dsn string
	users     []load.Vars
	jobs      servers.JobQueries
	resident  func() float64
}

// workload is one kind of work.
type workload struct {
	report.Workload
	needs  string // the workload that must have run on the same database before
	state  state
	events bool // messages are published to event streams
	drive  func(t target, seconds time.Duration) driver
}

// state is the state of a side's database and queue that a workload needs.
type state int

const (
	asItIs      state = iota
	freshOnce         // new before the first round
	freshAlways       // new before every round
)

const (
	warmUp      = time.Second
	conns       = 16
	jobsTimeout = 2 * time.Minute // for the last job
)

var bearer = []string{"Authorization: Bearer ${token}"}

func signIn() load.Request {
	return load.Request{
		Method: "POST", Path: "/api/v1/auth/signin", Expect: 200, Body: `{"email":"${email}","password":"correct horse battery"}`,
	}
}

func getChat() load.Request {
	return load.Request{Method: "GET", Path: "/api/v1/chat/${chat}", Expect: 200, Headers: bearer}
}

func sendMessage() load.Request {
	return load.Request{
		Method: "POST", Path: "/api/v1/chat/${chat}/messages", Expect: 201, Headers: bearer,
		Body: `{"content":"please make the title bolder and the face a little larger nonce-${nonce}.","reply":false}`,
	}
}

func listMessages() load.Request {
	return load.Request{
		Method: "GET", Path: "/api/v1/chat/${chat}/messages?order=desc&limit=50${cursor|&cursor=}", Expect: 200, Headers: bearer,
		Capture: map[string]string{"cursor": "next_cursor"},
	}
}

func queueJob() load.Request {
	return load.Request{
		Method: "POST", Path: "/api/v1/project/${project}/queue", Expect: 201, Headers: bearer,
		Body: `{"model":"nano_banana","quality":"std","variants":1}`,
	}
}

func followChat() load.Request {
	return load.Request{Method: "GET", Path: "/api/v1/chat/${chat}/events", Expect: 200, Headers: bearer}
}

func closed(r load.Request, conns int) func(target, time.Duration) driver {
	return func(t target, seconds time.Duration) driver {
		return load.Closed{Addr: t.addr, Request: r, Users: t.users, Conns: conns, WarmUp: warmUp, For: seconds}
	}
}

func jobs(count, conns int, rate float64) func(target, time.Duration) driver {
	return func(t target, _ time.Duration) driver {
		return load.Jobs{
			Addr: t.addr, Request: queueJob(), Users: t.users, Conns: conns, Count: count, Rate: rate, Timeout: jobsTimeout,
			DSN: t.dsn, Done: t.jobs.Done, Times: t.jobs.Times,
		}
	}
}

func streams(count, users, events int) func(target, time.Duration) driver {
	return func(t target, _ time.Duration) driver {
		return load.Streams{
			Addr: t.addr, Request: followChat(), Users: t.users[:min(users, len(t.users))], Count: count,
			Trigger: sendMessage(), Events: events, Weigh: t.resident,
		}
	}
}

// plan lists all workloads in the order in which they run.
func plan() []workload {
	named := func(id, title string) report.Workload { return report.Workload{ID: id, Title: title} }
	return []workload{
		{Workload: named("W2", "GET /chat/{id}, 16 connections"), state: freshOnce, drive: closed(getChat(), conns)},
		{Workload: named("W4", "a page of 50 messages, on a new database, 16 connections"), state: freshOnce, drive: closed(listMessages(), conns)},
		{Workload: named("W3", "POST a message, without a reply, 16 connections"), state: freshOnce, drive: closed(sendMessage(), conns)},
		{
			Workload: named("W4 after W3", "the same page, with the messages of W3 lying between those of other chats, 16 connections"),
			needs:    "W3", drive: closed(listMessages(), conns),
		},
		{Workload: named("W1", "sign in: argon2id with 19 MiB, t = 2, p = 1; 16 connections"), drive: closed(signIn(), conns)},
		{Workload: named("W1 64", "sign in, 64 connections"), drive: closed(signIn(), 64)},
		{Workload: named("W1 256", "sign in, 256 connections"), drive: closed(signIn(), 256)},
		{
			Workload: named("W5", "queue a job: credits, job, ledger, push; 16 connections, with the worker beside"),
			state:    freshAlways, drive: closed(queueJob(), conns),
		},
		{
			Workload: named("W6 burst", "2,000 jobs through 16 connections, from the first post to the last end; the provider takes 0 ms"),
			state:    freshAlways, drive: jobs(2000, conns, 0),
		},
		{Workload: named("W6 paced", "20 jobs a second for 10 s: from queued to ended"), drive: jobs(200, 4, 20)},
		{
			Workload: named("W7 spread", "2,000 event streams of 256 chats, one message to each: time to each reader"),
			state:    freshAlways, events: true, drive: streams(2000, 256, 256),
		},
		{
			Workload: named("W7 one", "1,000 event streams of one chat, 50 messages: time to the readers"),
			state:    freshAlways, events: true, drive: streams(1000, 1, 50),
		},
	}
}

// choose returns the workloads whose ids begin with one of the prefixes; spaces don't count.
func choose(all []workload, only []string) []workload {
	if len(only) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(w workload) bool {
		return !slices.ContainsFunc(only, func(prefix string) bool {
			return strings.HasPrefix(strings.ReplaceAll(w.ID, " ", ""), strings.ReplaceAll(prefix, " ", ""))
		})
	})
}

// Package devstack starts the servers that the backend needs, a PostgreSQL and a Redis on private loopback ports (and a
// PgBouncer), for `mugshot-dev` and for the tests. It needs no Docker, no account and no running service.
//
// A server that is started here belongs to the process that started it. Stop stops it, and it does not outlive its parent: on
// Linux the kernel signals it when the parent ends for whatever reason; elsewhere a small watchdog does. A file lock that the
// server process itself holds keeps two servers from sharing a data directory, and tells exactly whether one still runs, even
// after a kill -9.
//
// Nothing here is for production.
package devstack

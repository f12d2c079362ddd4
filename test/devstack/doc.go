// Package devstack starts what the backend stands on, by itself: a PostgreSQL server and a Redis server on private
// loopback ports, for `mugshot-dev` and for the tests. No Docker, no account, no service that has to run already.
//
// A server started here belongs to the process that started it. It is stopped by Stop, and it does not outlive its
// parent: on Linux the kernel signals it when the parent dies, whatever of; elsewhere a small watchdog does. Each data
// directory is guarded by a file lock that the server itself holds, so that two servers can't share one, and so that
// "is it still running?" has an exact answer even after a kill -9.
//
// Nothing here is for production.
package devstack

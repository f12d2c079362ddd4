// Package statements measures what the statements of a job cost Postgres, one by one and without our programs around them:
// computing time, write-ahead log, entries in indexes. `make bench-statements` prints the table; test/bench/README.md says how
// to compare two designs by it.
package statements

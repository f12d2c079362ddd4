#!/bin/sh
# Writes all rows of the product into one file: the schema public, which is all that is ours on Supabase.
#
#   DATABASE_URL=postgres://… ./backup.sh FILE
#
# DATABASE_URL must reach Postgres itself or a pooler in session mode. The copy is of one moment, and no statement
# waits for it. The file holds everything that people have entrusted to us: keep it like the database itself. What
# else belongs to a backup is in docs/operations.md.
set -eu

fail() {
	echo "backup: $1" >&2
	exit 1
}

[ $# -eq 1 ] || fail "usage: DATABASE_URL=postgres://… $0 FILE"
[ -n "${DATABASE_URL:-}" ] || fail "DATABASE_URL is not set"
command -v pg_dump >/dev/null || fail "pg_dump is not installed (Debian: postgresql-client, Homebrew: libpq)"
[ ! -e "$1" ] || fail "$1 exists already"

umask 077
# Whole under its name, or not there.
trap 'rm -f "$1.part"' EXIT
pg_dump "$DATABASE_URL" --format=custom --schema=public --no-owner --no-privileges --file "$1.part"
mv "$1.part" "$1"

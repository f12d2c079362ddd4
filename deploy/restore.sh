#!/bin/sh
# Fills an empty database with what backup.sh has written.
#
#   DATABASE_URL=postgres://… ./restore.sh FILE
#
# DATABASE_URL must reach Postgres itself or a pooler in session mode, as the role that runs the migrations. All of it is
# restored, or nothing. Afterwards the tables are as closed to Supabase's public roles as they were, and to the role that
# API and workers connect as until `mugshot migrate up` grants it what it needs.
set -eu

fail() {
	echo "restore: $1" >&2
	exit 1
}

[ $# -eq 1 ] || fail "usage: DATABASE_URL=postgres://… $0 FILE"
[ -n "${DATABASE_URL:-}" ] || fail "DATABASE_URL is not set"
[ -r "$1" ] || fail "there is no file $1"
for program in pg_restore psql; do
	command -v "$program" >/dev/null || fail "$program is not installed (Debian: postgresql-client, Homebrew: libpq)"
done
lockdown=$(ls "$(dirname -- "$0")"/../migrations/*_lockdown.up.sql)

query() {
	psql "$DATABASE_URL" --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"
}

tables=$(query --command "select count(*) from pg_tables where schemaname = 'public'")
[ "$tables" = 0 ] || fail "the database is not empty: there are $tables tables in its schema public"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 077
# The schema itself is there already, and another role may own it. Policies name the runtime's role, which this server may not
# have: `mugshot migrate up` with DATABASE_RUNTIME_ROLE makes them again.
pg_restore --list "$1" | grep -vE '^[0-9]+; [0-9]+ [0-9]+ ((SCHEMA|COMMENT) - (SCHEMA )?public |POLICY )' >"$work/list"
{
	echo 'begin;'
	pg_restore --use-list "$work/list" --no-owner --no-privileges --file - "$1"
	# The dump empties the search path, which the migration needs.
	echo 'set search_path = public;'
	cat "$lockdown"
	# Pictures that the backup does not know are not removed before an operator has bound the buckets to this database
	# (mugshot storage bind). Backups of older releases have no such table.
	echo "do \$\$ begin if to_regclass('public.storage_bindings') is not null then delete from storage_bindings; end if; end \$\$;"
	echo 'commit;'
} >"$work/restore.sql"
query --output /dev/null --file "$work/restore.sql"
query --command 'set client_min_messages = error' --command 'analyze' # the planner knows nothing of the new tables yet

#!/bin/sh
# Applies the migrations of this folder, or takes them back, with nothing but psql. It does what `mugshot migrate` does
# and keeps the same version table, golang-migrate's schema_migrations, so that either can go on where the other
# stopped. Each migration and its version are one transaction, so that one that fails leaves nothing behind.
#
#   DATABASE_URL=postgres://… ./apply_migrations.sh up         apply all that are pending
#   DATABASE_URL=postgres://… ./apply_migrations.sh down [n]   take back the newest n, 1 unless given
#   DATABASE_URL=postgres://… ./apply_migrations.sh status     list them
#
# DATABASE_URL must reach Postgres itself or a pooler in session mode. A migration with `concurrently` in it, which
# Postgres forbids in a transaction, must be a file's only statement; if it fails, the database stays marked dirty.
set -eu

fail() {
	echo "apply_migrations: $1" >&2
	exit 1
}

usage() {
	echo "usage: DATABASE_URL=postgres://… $0 up | down [n] | status" >&2
	exit 2
}

# The files are looked for beside this script; their names hold no blanks.
cd -- "$(dirname -- "$0")"
files=$(ls ./*.up.sql 2>/dev/null | sed 's|^\./||' | sort -n) || true
[ -n "$files" ] || fail "no file in $(pwd) is named <time>_<name>.up.sql"
for file in $files; do
	[ -f "${file%.up.sql}.down.sql" ] || fail "migration $file has no way back: ${file%.up.sql}.down.sql is missing"
done

# say prints its arguments as they are; echo is free to interpret backslashes.
say() {
	printf '%s\n' "$*"
}

# version FILE prints the time in its name.
version() {
	say "${1%%_*}"
}

# prologue prints what every run begins with: waiting for its turn, and finding out where the database is.
# The key is that of package migrate. Polling, since a session that waits inside pg_advisory_lock holds a snapshot,
# for whose end a `create index concurrently` of the lock's holder would wait in turn.
prologue() {
	cat <<-'SQL'
		set client_min_messages = warning;
		set statement_timeout = 0;
		do $$
		begin
			while not pg_try_advisory_lock(7166483291) loop
				commit;
				perform pg_sleep(0.1);
				commit;
			end loop;
		end
		$$;
		select quote_ident(current_schema()) || '.schema_migrations' as versions \gset
		create table if not exists :versions (version bigint not null primary key, dirty boolean not null);
		select coalesce(max(version), -1) as version, coalesce(bool_or(dirty), false) as dirty from :versions \gset
		\if :dirty
		\warn 'apply_migrations: the database is marked dirty at version' :version ': a migration to it failed half-way. Most often nothing of it was kept. Find the newest migration whose changes are in the schema as a whole, write its version down with "update schema_migrations set version = VERSION, dirty = false" (or "delete from schema_migrations" where there is none), and try again.'
		do $$ begin raise exception 'dirty database'; end $$;
		\endif
	SQL
	say "select :version not in (-1$(for file in $files; do printf ', %s' "$(version "$file")"; done)) as unknown \\gset"
	cat <<-'SQL'
		\if :unknown
		\warn 'apply_migrations: the database is at version' :version ', which is not among these migrations: it was migrated by a newer release. Use that one, or take its migrations back with it first.'
		do $$ begin raise exception 'unknown version'; end $$;
		\endif
	SQL
}

# migration FILE VERSION prints the run of one file that brings the database to VERSION, -1 being empty.
migration() {
	if grep -qiE '^[^-]*[[:space:]]concurrently[[:space:]]' "$1"; then
		record "$2" true
		say "\\i $1"
		record "$2" false
	else
		say 'begin;'
		say "\\i $1"
		record "$2" false
		say 'commit;'
	fi
}

# record VERSION DIRTY prints the replacement of the version table's one row, as golang-migrate writes it: of an empty
# database, it keeps a row only while that is dirty.
record() {
	if [ "$1 $2" = "-1 false" ]; then
		say 'delete from :versions;'
	else
		say "with gone as (delete from :versions where version <> $1) insert into :versions values ($1, $2) on conflict (version) do update set dirty = $2;"
	fi
}

up() {
	prologue
	say '\set changed false'
	for file in $files; do
		say "select :version < $(version "$file") as pending \\gset"
		say '\if :pending'
		migration "$file" "$(version "$file")"
		say "\\echo applied ${file%.up.sql}"
		say '\set changed true'
		say '\endif'
	done
	printf '\\if :changed\n\\else\n\\echo nothing to apply\n\\endif\n'
}

down() {
	prologue
	say "\\set left $1"
	say '\set changed false'
	for file in $(printf '%s\n' $files | sort -nr); do
		before=-1
		for other in $files; do
			[ "$(version "$other")" -lt "$(version "$file")" ] && before=$(version "$other")
		done
		say "select :left > 0 and :version = $(version "$file") as due \\gset"
		say '\if :due'
		migration "${file%.up.sql}.down.sql" "$before"
		say "\\echo took back ${file%.up.sql}"
		say '\set changed true'
		say "\\set version $before"
		say 'select :left - 1 as left \gset'
		say '\endif'
	done
	printf '\\if :changed\n\\else\n\\echo nothing to take back\n\\endif\n'
}

status() {
	cat <<-'SQL'
		\set version -1
		\set dirty false
		select to_regclass('schema_migrations') is not null as exists \gset
		\if :exists
		select coalesce(max(version), -1) as version, coalesce(bool_or(dirty), false) as dirty from schema_migrations \gset
		\endif
	SQL
	for file in $files; do
		name=${file%.up.sql}
		say "select case when :version = $(version "$file") and :'dirty' then 'dirty  ' when :version >= $(version "$file") then 'applied' else 'pending' end || ' $name';"
	done
}

# run executes the script on its standard input, in one session.
run() {
	command -v psql >/dev/null || fail "psql is not installed (Debian: postgresql-client, Homebrew: libpq)"
	psql "$DATABASE_URL" --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --file -
}

[ $# -ge 1 ] || usage
[ -n "${DATABASE_URL:-}" ] || fail "DATABASE_URL is not set"
case "$1" in
up)
	[ $# -eq 1 ] || usage
	up | run
	;;
down)
	[ $# -le 2 ] || usage
	case "${2:-1}" in
	'' | *[!0-9]* | 0) usage ;;
	esac
	down "${2:-1}" | run
	;;
status)
	[ $# -eq 1 ] || usage
	status | run
	;;
*)
	usage
	;;
esac

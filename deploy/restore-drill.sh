#!/bin/sh
# Shows that a backup can be restored, the only way there is: by doing it. The database itself is only read.
#
#   DATABASE_URL=postgres://… DRILL_DATABASE_URL=postgres://… ./restore-drill.sh
#
# DRILL_DATABASE_URL names an empty database, which is filled; drop it afterwards. The environment must hold the rest of
# what mugshot needs (REDIS_URL, JWT_SECRET, SUPABASE_URL, …), since the restored rows are checked against the pictures
# in storage. MUGSHOT names the program, if it is not on the PATH.
set -eu

here=$(dirname -- "$0")
fail() {
	echo "restore-drill: $1" >&2
	exit 1
}

[ -n "${DATABASE_URL:-}" ] && [ -n "${DRILL_DATABASE_URL:-}" ] ||
	fail "usage: DATABASE_URL=postgres://… DRILL_DATABASE_URL=postgres://… $0"
[ "$DATABASE_URL" != "$DRILL_DATABASE_URL" ] || fail "the drill needs a database of its own"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
begun=$(date +%s)
"$here/backup.sh" "$work/rows.dump"
dumped=$(date +%s)
DATABASE_URL=$DRILL_DATABASE_URL "$here/restore.sh" "$work/rows.dump"
restored=$(date +%s)
DATABASE_URL=$DRILL_DATABASE_URL "${MUGSHOT:-mugshot}" migrate status
DATABASE_URL=$DRILL_DATABASE_URL "${MUGSHOT:-mugshot}" verify
echo "dumped in $((dumped - begun)) s ($(wc -c <"$work/rows.dump" | tr -d ' ') bytes), restored in $((restored - dumped)) s"

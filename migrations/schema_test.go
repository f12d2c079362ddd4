package migrations_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// schemaQuery describes every object that a migration can create, one a line, in terms that do not depend on when it was created:
// no object ids, and columns by their order instead of their number. The version table belongs to the tool.
const schemaQuery = `
	with
	spaces as (select oid, nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'),
	relations as (
		select c.oid, relkind, relpersistence, relrowsecurity, relforcerowsecurity, reloptions, relacl, relowner
		from pg_class c join spaces s on s.oid = c.relnamespace
		where relname not in ('schema_migrations', 'schema_migrations_pkey')
	)
	select concat_ws(' ', 'schema', nspname) as line from spaces where nspname <> 'public'
	union all
	select concat_ws(' ', 'extension', extname) from pg_extension where extname <> 'plpgsql'
	union all
	select concat_ws(' ', 'relation', oid::regclass, 'kind', relkind, 'persistence', relpersistence,
		'security', relrowsecurity, relforcerowsecurity, 'options', reloptions, 'granted', (
			select array_agg(a::text order by a::text)
			from unnest(coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner))) a
		)) from relations
	union all
	select concat_ws(' ', 'column', attrelid::regclass, row_number() over (partition by attrelid order by attnum), attname,
		format_type(atttypid, atttypmod), 'not null', attnotnull, 'identity', attidentity, 'generated', attgenerated,
		'default', pg_get_expr(adbin, adrelid), 'granted', attacl)
	from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
	where attrelid in (select oid from relations where relkind in ('r', 'p', 'v', 'm', 'f')) and attnum > 0 and not attisdropped
	union all
	select concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(c.oid), 'validated', convalidated)
	from pg_constraint c join spaces s on s.oid = c.connamespace where conrelid is distinct from to_regclass('schema_migrations')::oid
	union all
	select concat_ws(' ', 'index', pg_get_indexdef(indexrelid), 'valid', indisvalid)
	from pg_index where indexrelid in (select oid from relations)
	union all
	select concat_ws(' ', 'trigger', pg_get_triggerdef(oid))
	from pg_trigger where tgrelid in (select oid from relations) and not tgisinternal
	union all
	select concat_ws(' ', 'policy', polrelid::regclass, polname, polcmd, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
	from pg_policy where polrelid in (select oid from relations)
	union all
	select concat_ws(' ', 'view', pg_get_viewdef(oid)) from relations where relkind in ('v', 'm')
	union all
	select concat_ws(' ', 'function', pg_get_functiondef(p.oid)) from pg_proc p join spaces s on s.oid = p.pronamespace where prokind in ('f', 'p')
	union all
	-- but the types that come with tables
	select concat_ws(' ', 'type', t.oid::regtype, typtype, (
		select array_agg(enumlabel order by enumsortorder) from pg_enum where enumtypid = t.oid
	)) from pg_type t join spaces s on s.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
	where (typrelid = 0 and typelem = 0) or c.relkind = 'c'
	union all
	select concat_ws(' ', 'comment', pg_describe_object(classoid, objoid, objsubid), description)
	from pg_description where objoid in (select oid from relations)
	order by line`

// schema describes a database, without its rows, as far as migrations can change it.
func schema(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	return list(t, conn, schemaQuery)
}

// requireSchema compares a database with an earlier description, and reports only the differences.
func requireSchema(t *testing.T, want []string, conn *pgx.Conn) {
	t.Helper()
	got := schema(t, conn)
	without := func(lines, others []string) []string {
		return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(others, line) })
	}
	require.Empty(t, without(want, got), "lines that are missing")
	require.Empty(t, without(got, want), "lines that are new")
}

package migrations_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// Every foreign key has an index. Without one, a deletion would scan the whole table that refers to the row. A partial index of
// the rows where the column is set is enough: Postgres looks for those only.
func TestDesign_everyForeignKeyHasAnIndex(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t))
	require.Empty(t, list(t, conn, `
		select conrelid::regclass || ' (' || columns || ') → ' || confrelid::regclass
		from pg_constraint c, lateral (
			select string_agg(quote_ident(attname), ', ' order by ord) as columns,
				string_agg('(' || quote_ident(attname) || ' IS NOT NULL)', ' AND ' order by ord) as set
			from unnest(conkey) with ordinality k(num, ord) join pg_attribute on attrelid = conrelid and attnum = num
		) as key
		where contype = 'f' and connamespace = 'public'::regnamespace and not exists (
			select from pg_index
			where indrelid = conrelid and indisvalid and (indpred is null or pg_get_expr(indpred, indrelid) = key.set)
			and (string_to_array(indkey::text, ' ')::int2[])[:cardinality(conkey)] @> conkey
		)
		order by 1`), "foreign keys without an index")
}

func TestDesign_everyTimeKnowsItsZone(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t))
	require.Empty(t, list(t, conn, `
		select table_name || '.' || column_name from information_schema.columns
		where table_schema = 'public' and (data_type like '%without time zone' or data_type = 'time with time zone')
		order by 1`), "columns that should be timestamptz")
}

func TestDesign_everyTableHasAPrimaryKey(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t))
	require.Empty(t, list(t, conn, `
		select relname::text from pg_class c
		where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
		and not exists (select from pg_index where indrelid = c.oid and indisprimary)`))
}

// No index is a prefix of another one: it would cost every write and serve no query. A partial index is allowed.
func TestDesign_noIndexIsSpare(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t))
	require.Empty(t, list(t, conn, `
		select less.indexrelid::regclass || ' is served by ' || more.indexrelid::regclass
		from pg_index less join pg_index more on more.indrelid = less.indrelid and more.indexrelid <> less.indexrelid
		where less.indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
		and not less.indisunique and less.indpred is null and more.indpred is null and less.indexprs is null and more.indexprs is null
		and more.indkey::text || ' ' like less.indkey::text || ' %'
		and more.indoption::text || ' ' like less.indoption::text || ' %'`))
}

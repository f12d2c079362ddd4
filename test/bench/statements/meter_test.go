package statements

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/bench/measure"
)

// meter measures what the measured connection costs between on and off.
type meter struct {
	*fixture
	since   reading
	each    []float64   // computing time of a job, of each batch
	paced   []float64   // the same, divided by that of the reference right after it
	written [][2]string // spans of the write-ahead log
}

type reading struct {
	cpu time.Duration
	lsn string
}

func (m *meter) read(b *testing.B) (r reading) {
	b.Helper()
	require.NoError(b, m.beside.QueryRow(b.Context(), "select pg_current_wal_insert_lsn()::text").Scan(&r.lsn))
	var err error
	r.cpu, err = measure.Process(m.backend)
	require.NoError(b, err)
	return r
}

func (m *meter) on(b *testing.B) {
	b.Helper()
	m.since = m.read(b)
	b.StartTimer()
}

// off ends the measurement of a batch of jobs.
func (m *meter) off(b *testing.B, jobs int) {
	b.Helper()
	b.StopTimer()
	now := m.read(b)
	spent := float64((now.cpu - m.since.cpu).Nanoseconds()) / 1e3 / float64(jobs)
	_, err := m.Pool().Exec(b.Context(), reference)
	require.NoError(b, err)
	m.each = append(m.each, spent)
	m.paced = append(m.paced, spent*1e6/float64((m.read(b).cpu-now.cpu).Nanoseconds()))
	if now.lsn != m.since.lsn {
		m.written = append(m.written, [2]string{m.since.lsn, now.lsn})
	}
}

// reference is work that is always the same, about a millisecond of it: it tells how fast the machine is just now.
const reference = "select sum(length(md5(n::text))) from generate_series(1, 3000) n"

// sums counts the records of spans of the write-ahead log. An entry that splits a page of an index is a record of another kind.
const sums = `
	select
		coalesce(sum(s.combined_size), 0)::float8,
		coalesce(sum(s.count) filter (where kind ~ '^Btree/(INSERT_LEAF|INSERT_POST|SPLIT)'), 0)::float8,
		coalesce(sum(s.count) filter (where kind ~ '^Heap/INSERT'), 0)::float8,
		coalesce(sum(s.count) filter (where kind ~ '^Heap/(HOT_)?UPDATE'), 0)::float8,
		coalesce(sum(s.count) filter (where kind ~ '^Heap/HOT_UPDATE'), 0)::float8
	from unnest($1::pg_lsn[], $2::pg_lsn[]) span (since, until)
	cross join lateral pg_get_wal_stats(span.since, span.until, true) s
	cross join lateral (select s."resource_manager/record_type" as kind) named
	where kind !~ '^Standby'`

// report reports the costs of each of n jobs. Of the batches' computing times it takes the lower quartile: what disturbs a batch
// makes it dearer and never cheaper.
func (m *meter) report(b *testing.B, n int) {
	b.Helper()
	_, err := m.beside.Exec(b.Context(), "select pg_logical_emit_message(true, '', '')") // its commit flushes all that was written before
	require.NoError(b, err)
	var since, until []string
	for _, span := range m.written {
		since, until = append(since, span[0]), append(until, span[1])
	}
	var wal, entries, inserts, updates, hot float64
	require.NoError(b, m.beside.QueryRow(b.Context(), sums, since, until).Scan(&wal, &entries, &inserts, &updates, &hot))
	slices.Sort(m.each)
	slices.Sort(m.paced)
	b.ReportMetric(m.each[len(m.each)/4], "pg-µs/op")
	b.ReportMetric(m.paced[len(m.paced)/4], "paced-µs/op")
	for unit, value := range map[string]float64{
		"WAL-B/op": wal, "entries/op": entries, "inserts/op": inserts, "updates/op": updates, "HOT/op": hot,
	} {
		b.ReportMetric(value/float64(n), unit)
	}
}

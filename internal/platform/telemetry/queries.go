package telemetry

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// queries traces statements by the names that sql/ gives them; neither text nor arguments leave the process. What runs
// outside of any trace, such as the sweeper's looks, makes none.
type queries struct{ tracer trace.Tracer }

// statementKey marks the span of a statement, so that no other is ended for it.
type statementKey struct{}

// TraceQueryStart implements pgx.QueryTracer.
func (q queries) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	//nolint:spancheck // TraceQueryEnd ends it
	ctx, span := q.tracer.Start(ctx, "sql "+statement(data.SQL), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("db.system.name", "postgresql")))
	return context.WithValue(ctx, statementKey{}, span) //nolint:spancheck // likewise
}

// TraceQueryEnd implements pgx.QueryTracer.
func (queries) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	span, ok := ctx.Value(statementKey{}).(trace.Span)
	if !ok {
		return
	}
	if data.Err != nil {
		span.SetStatus(codes.Error, "")
		if pg, ok := errors.AsType[*pgconn.PgError](data.Err); ok { //nolint:forbidigo // of a failure the code alone is told, and decides nothing
			span.SetAttributes(attribute.String("db.response.status_code", pg.Code))
		}
	}
	span.End()
}

// statement is the name of a statement: "-- name: JobClaim :one" precedes those that sqlc made. Those of transactions are
// their own names.
func statement(sql string) string {
	if named, ok := strings.CutPrefix(sql, "-- name: "); ok {
		name, _, _ := strings.Cut(named, " ")
		return name
	}
	switch word, _, _ := strings.Cut(strings.ToLower(sql), " "); word {
	case "begin", "commit", "rollback":
		return word
	default:
		return "unnamed"
	}
}

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

// queries traces statements by the names that they have in sql/; neither text nor arguments leave the process. Statements
// outside of a trace, such as those of the sweeper, get no span.
type queries struct{ tracer trace.Tracer }

// statementKey is the context key of a statement's span, so that TraceQueryEnd ends no other span.
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
		if pg, ok := errors.AsType[*pgconn.PgError](data.Err); ok { //nolint:forbidigo // the code is only reported, and decides nothing
			span.SetAttributes(attribute.String("db.response.status_code", pg.Code))
		}
	}
	span.End()
}

// statement returns the name of a statement, which sqlc puts before it: "-- name: JobClaim :one". Statements that begin and end
// transactions are their own names.
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

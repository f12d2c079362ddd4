package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// The constraints that callers pass to [IsUnique], by their names in migrations/.
const (
	UsersEmailKey    = "users_email_key"
	UsersUsernameKey = "users_username_key"
	MessagesPlaceKey = "messages_place_key"
)

// IsNotFound reports whether a query for one row found none.
func IsNotFound(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// IsUnique reports whether the named unique constraint or index refused a row.
func IsUnique(err error, constraint string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "23505" && pg.ConstraintName == constraint
}

// IsRetryable reports whether err is a serialisation failure or a deadlock: the transaction was rolled back and may be run
// again.
func IsRetryable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}

// retryAfter is the Retry-After of answers while Postgres is away.
const retryAfter = 2 * time.Second

// translate turns a lost or refused connection or a statement time-out into [apperr.ErrUnavailable], and returns all other
// errors as they are.
func translate(err error) error {
	if err == nil || errors.Is(err, apperr.ErrUnavailable) || !isConnectionFault(err) {
		return err
	}
	return apperr.ErrUnavailable.WithRetryAfter(retryAfter).With(err)
}

// isConnectionFault reports whether the same statement may succeed on another connection or later. The codes are from
// https://www.postgresql.org/docs/current/errcodes-appendix.html.
func isConnectionFault(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "57P01", "57P02", "57P03", // shutting down, crashed, starting up
			"53300", "53400", // too many connections
			"57014": // statement time-out
			return true
		}
		return len(pg.Code) == 5 && pg.Code[:2] == "08" // connection exceptions
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// translating is a handle whose errors go through translate.
type translating struct{ db.DBTX }

func (t translating) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	tag, err := t.DBTX.Exec(ctx, sql, args...)
	return tag, translate(err)
}

func (t translating) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := t.DBTX.Query(ctx, sql, args...)
	return translatingRows{rows}, translate(err)
}

func (t translating) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return translatingRow{t.DBTX.QueryRow(ctx, sql, args...)}
}

type translatingRows struct{ pgx.Rows }

func (r translatingRows) Err() error { return translate(r.Rows.Err()) }

type translatingRow struct{ pgx.Row }

func (r translatingRow) Scan(dest ...any) error { return translate(r.Row.Scan(dest...)) }

package servers

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/migrations"
)

// users is how many accounts each database has, each with one project and one chat of 1,000 messages.
const users = 256

// passwordHash is the argon2id hash (19 MiB, two passes, one lane) of "correct horse battery".
const passwordHash = "$argon2id$v=19$m=19456,t=2,p=1$jFScL/kDtapyogKF9MzZXw$ckvcQ+Z6+5EOahxV/LiTxgQBL4oBxVJqqKEZnLKcDLo"

var (
	//go:embed seed/plain_schema.sql
	plainSchema string
	//go:embed seed/plain.sql
	plainRows string
	//go:embed seed/ours.sql
	ourRows string
)

// schema says what a side's database begins with.
type schema struct {
	create func(ctx context.Context, dsn string) error
	rows   string
}

// plain is the schema of the floor and the peer: the least that the work needs.
func plain() schema {
	return schema{create: func(ctx context.Context, dsn string) error { return execute(ctx, dsn, plainSchema) }, rows: plainRows}
}

func migrated() schema {
	return schema{rows: ourRows, create: func(ctx context.Context, dsn string) error {
		_, err := migrate.Up(ctx, dsn, migrations.FS, slog.New(slog.DiscardHandler))
		return err
	}}
}

// template is the database that a side's own is a copy of.
func template(side string) string { return side + "_template" }

// seed makes the template of a side: tables, rows, statistics and visibility maps.
func (s *Stack) seed(ctx context.Context, side string, with schema) error {
	name := template(side)
	err := s.administer(ctx, "drop database if exists "+quoted(name)+" with (force)", "create database "+quoted(name))
	if err != nil {
		return err
	}
	dsn := s.postgres.DSN(name)
	if err := with.create(ctx, dsn); err != nil {
		return fmt.Errorf("make the tables of %s: %w", side, err)
	}
	rows := strings.NewReplacer(":users", fmt.Sprint(users), ":hash", "'"+passwordHash+"'").Replace(with.rows)
	if err := execute(ctx, dsn, rows, "vacuum analyze"); err != nil {
		return fmt.Errorf("fill the tables of %s: %w", side, err)
	}
	return nil
}

// reset replaces a side's database by a copy of its template. It makes a checkpoint, which would otherwise fall into a run.
func (s *Stack) reset(ctx context.Context, side string) error {
	return s.administer(ctx,
		"drop database if exists "+quoted(side)+" with (force)",
		"create database "+quoted(side)+" template "+quoted(template(side))+" strategy file_copy",
		"checkpoint")
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// registerUUID makes a new connection read and write UUIDs with [uuidCodec].
func registerUUID(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}})
	return nil
}

// uuidCodec copies the 16 bytes of a [uuid.UUID]. Without it pgx would treat a uuid.UUID as a type of database/sql, and
// convert its bytes to text and back. Wrappers such as those of pgx-google-uuid don't help with reading, since pgx looks
// for sql.Scanner before it asks them.
type uuidCodec struct{ pgtype.UUIDCodec }

// PlanEncode implements pgtype.Codec.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return uuidPlan{}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

// PlanScan implements pgtype.Codec.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if format == pgtype.BinaryFormatCode {
		switch target.(type) {
		case *uuid.UUID:
			return uuidPlan{}
		case **uuid.UUID:
			return nullableUUIDPlan{}
		}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

// uuidPlan copies a uuid.UUID to and from Postgres' binary format.
type uuidPlan struct{}

// Encode implements pgtype.EncodePlan.
func (uuidPlan) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(uuid.UUID)
	return append(buf, id[:]...), nil
}

// Scan implements pgtype.ScanPlan. It fails for null, which only a **uuid.UUID can hold.
func (uuidPlan) Scan(src []byte, target any) error {
	if len(src) != len(uuid.UUID{}) {
		return fmt.Errorf("scan UUID: %d bytes", len(src))
	}
	copy(target.(*uuid.UUID)[:], src)
	return nil
}

// nullableUUIDPlan copies to a *uuid.UUID variable, which it sets to nil for null.
type nullableUUIDPlan struct{}

// Scan implements pgtype.ScanPlan.
func (nullableUUIDPlan) Scan(src []byte, target any) error {
	to := target.(**uuid.UUID)
	if src == nil {
		*to = nil
		return nil
	}
	*to = new(uuid.UUID)
	return uuidPlan{}.Scan(src, *to)
}

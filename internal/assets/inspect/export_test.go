package inspect

import (
	"bytes"
	"context"
)

// ErrPanicked is for the fuzzer.
var ErrPanicked = errPanicked

// Drawing is what is reserved beside decoding for the largest pictures.
const Drawing = 2*4*longestSide*longestSide + 16<<20

// Decoding returns what is reserved for decoding a file, and decodes it.
func Decoding(file []byte, contentType string) (reserved int64, decodeIt func() error, err error) {
	f, err := recognise(file, contentType)
	if err != nil {
		return 0, nil, err
	}
	about, err := f.survey(file)
	if err != nil {
		return 0, nil, err
	}
	header, err := f.header(bytes.NewReader(file))
	return about.decoding(header), func() error { _, err := decode(context.Background(), f, file); return err }, err
}

// Work is the share of the most work that a file may take.
func Work(file []byte, contentType string) (share float64, err error) {
	f, err := recognise(file, contentType)
	if err != nil {
		return 0, err
	}
	about, err := f.survey(file)
	if err != nil {
		return 0, err
	}
	header, err := f.header(bytes.NewReader(file))
	return float64(about.work(header)) / maxWork, err
}

// TakeRoom takes all the memory that large pictures have, as their checks would.
func (c *Checker) TakeRoom(ctx context.Context) (giveBack func()) {
	if err := c.room.Acquire(ctx, c.memory); err != nil {
		panic(err)
	}
	return func() { c.room.Release(c.memory) }
}

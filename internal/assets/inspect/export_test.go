package inspect

import (
	"bytes"
	"context"
)

// ErrPanicked is for the fuzzer.
var ErrPanicked = errPanicked

// Drawing is what is reserved beside decoding.
const Drawing = drawing

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

package providertest

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"sync"
)

// drawings caches the results of [Drawing], since encoding takes most of a fake's time.
var drawings sync.Map

// Drawing returns an encoded picture of that size; format is png or jpeg.
func Drawing(format string, width, height int) []byte {
	key := fmt.Sprintf("%s %dx%d", format, width, height)
	if drawn, ok := drawings.Load(key); ok {
		return drawn.([]byte)
	}
	img := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		row := img.Pix[y*img.Stride:][:width]
		if y%16 != 0 {
			copy(row, img.Pix[(y-1)*img.Stride:])
			continue
		}
		for x := range row {
			row[x] = uint8((x/16 + y/16) % 200)
		}
	}
	var out bytes.Buffer
	var err error
	if format == "jpeg" {
		err = jpeg.Encode(&out, img, nil)
	} else {
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, img)
	}
	if err != nil {
		panic(err) // memory takes any picture
	}
	drawings.Store(key, out.Bytes())
	return out.Bytes()
}

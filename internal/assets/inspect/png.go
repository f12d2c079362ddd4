package inspect

import (
	"bytes"
	"encoding/binary"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

func isPNG(data []byte) bool { return bytes.HasPrefix(data, []byte(pngSignature)) }

// surveyPNG walks from chunk to chunk (www.w3.org/TR/png-3, 5). The file has to end with the image: what an editor left
// behind it may be what its owner had cut off (CVE-2023-21036).
func surveyPNG(data []byte) (survey, error) {
	about := survey{orientation: upright, bytesPerPix: 4}
	for rest := data[len(pngSignature):]; ; {
		if len(rest) < 12 {
			return survey{}, damaged("cut off")
		}
		length, kind := uint64(binary.BigEndian.Uint32(rest)), string(rest[4:8])
		if length > uint64(len(rest)-12) {
			return survey{}, damaged("chunk %q too long", kind)
		}
		payload := rest[8 : 8+length]
		rest = rest[12+length:]
		switch kind {
		case "IHDR":
			if len(payload) != 13 {
				return survey{}, damaged("header of %d bytes", len(payload))
			}
			if payload[8] == 16 { // bits a channel
				about.bytesPerPix = 8
			}
			about.passes = bytePasses * channels(payload[9]) * float64(payload[8]) / 8
			if payload[12] != 0 { // interlaced: the passes are drawn apart and put together
				about.bytesPerPix *= 2
				about.passes *= 2
			}
		case "acTL":
			return survey{}, Refusal(Animated)
		case "eXIf":
			about.orientation = orientationIn(payload)
		case "IEND":
			if len(rest) > 0 {
				return survey{}, damaged("%d bytes after the end", len(rest))
			}
			return about, nil
		}
	}
}

// bytePasses is what a byte of a PNG costs, as it is before compression, in passes over a sample: with it 40 megapixels of
// four channels of 8 bits pass, and half as many of 16 bits or interlaced.
const bytePasses = 4

// channels is how many a pixel has in a type of colour.
func channels(colorType byte) float64 {
	switch colorType {
	case 2:
		return 3
	case 4:
		return 2
	case 6:
		return 4
	}
	return 1
}

package inspect

import (
	"bytes"
	"encoding/binary"
)

func isWebP(data []byte) bool {
	return len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP"
}

// surveyWebP walks from chunk to chunk (RFC 9649, 2.4 to 2.7). The file has to be as long as it says: the decoder
// believes the lengths and allocates them.
func surveyWebP(data []byte) (survey, error) {
	// Lossy: three planes, alpha, and the picture that alpha is decoded from. Lossless: the picture twice.
	about := survey{orientation: upright, bytesPerPix: 8}
	if said := uint64(binary.LittleEndian.Uint32(data[4:])) + 8; said != uint64(len(data)) {
		return survey{}, damaged("%d bytes long, and says %d", len(data), said)
	}
	for rest := data[12:]; len(rest) > 0; {
		if len(rest) < 8 {
			return survey{}, damaged("cut off")
		}
		length, kind := uint64(binary.LittleEndian.Uint32(rest[4:])), string(rest[:4])
		padded := length + length&1
		if padded > uint64(len(rest)-8) {
			return survey{}, damaged("chunk %q too long", kind)
		}
		payload := rest[8 : 8+length]
		rest = rest[8+padded:]
		switch kind {
		case "ANIM", "ANMF":
			return survey{}, Refusal(Animated)
		case "EXIF":
			about.orientation = orientationIn(bytes.TrimPrefix(payload, []byte("Exif\x00\x00"))) // some writers add it
		case "ALPH", "VP8L":
			about.overhead = 128 << 20 // 2,600 groups of Huffman trees, the decoder's limit
		}
	}
	return about, nil
}

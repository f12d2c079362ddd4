package inspect

import (
	"bytes"
	"encoding/binary"
)

// The markers of JPEG that matter here (ITU-T T.81, table B.1).
const (
	markerSOF0  = 0xc0 // start of a frame: baseline, extended, progressive
	markerSOF2  = 0xc2
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerAPP1  = 0xe1
	markerAPP14 = 0xee
)

// maxScans bounds how often a progressive JPEG draws over itself, also where it is small. Encoders make some ten scans; a
// file of 8 MiB has room for a hundred thousand, each of which costs a pass over all its samples ("Two issues with the JPEG
// standard", libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf).
const maxScans = 100

// sequentialPass is what a scan of a JPEG that is not progressive costs, for each sample, in passes of one that is: each of
// its scans makes samples of the coefficients.
const sequentialPass = 4

func isJPEG(data []byte) bool { return bytes.HasPrefix(data, []byte{0xff, 0xd8, 0xff}) }

// surveyJPEG walks from marker to marker, as tolerant of what lies between as decoders are. What follows the end of the
// image is let be: phones put a film or a second exposure there.
func surveyJPEG(data []byte) (survey, error) {
	about := survey{orientation: upright}
	scans, adobeRGB := 0, false
	var planes frame
	for at := 2; ; {
		marker, payload, next := segment(data, at)
		switch {
		case next == 0 || marker == markerEOI:
			if adobeRGB {
				about.bytesPerPix += 4
			}
			return about, nil // the decoder will say if that is too early
		case marker >= markerSOF0 && marker <= markerSOF2:
			about.bytesPerPix += frameCost(marker, payload)
			planes = frameOf(marker, payload)
		case marker == markerSOS:
			about.passes += planes.scan(payload)
			if scans++; scans > maxScans {
				return survey{}, Refusal(TooComplex)
			}
		case marker == markerAPP1 && about.orientation == upright:
			if exif, ok := bytes.CutPrefix(payload, []byte("Exif\x00\x00")); ok {
				about.orientation = orientationIn(exif)
			}
		case marker == markerAPP14: // its last byte: 0, no transform, the planes are RGB or CMYK
			adobeRGB = len(payload) >= 12 && string(payload[:5]) == "Adobe" && payload[11] == 0
		}
		at = next
	}
}

// frame is what a scan costs, for each component, in passes over the pixels.
type frame map[byte]float64

// frameOf reads the components of a frame: a plane has fewer samples than the picture has pixels where it is subsampled.
func frameOf(marker byte, payload []byte) frame {
	const head, component = 6, 3
	planes := frame{}
	if len(payload) < head || len(payload) != head+component*int(payload[5]) {
		return planes // the decoder refuses it
	}
	var most float64
	for c := head; c < len(payload); c += component {
		samples := float64(payload[c+1]>>4) * float64(payload[c+1]&0xf)
		planes[payload[c]], most = samples, max(most, samples)
	}
	for id := range planes {
		planes[id] /= max(most, 1)
		if marker != markerSOF2 {
			planes[id] *= sequentialPass
		}
	}
	return planes
}

// scan is what a scan costs, whose header names its components.
func (f frame) scan(payload []byte) (passes float64) {
	if len(payload) == 0 {
		return 0 // the decoder refuses it
	}
	for c := 1; c+1 < len(payload) && c <= 2*int(payload[0]); c += 2 {
		passes += f[payload[c]]
	}
	return passes
}

// frameCost is how many bytes a pixel takes in a frame: its planes, which are smaller where colour is subsampled; when
// it is progressive, the coefficients of each, of four bytes; and the picture that four planes, or those of a red, a
// green and a blue, are put together into. (The case of RGB by Adobe's word is the caller's.)
func frameCost(marker byte, payload []byte) float64 {
	const head, component = 6, 3
	if len(payload) < head || len(payload) != head+component*int(payload[5]) {
		return 0 // the decoder refuses it
	}
	var planes, most float64
	var ids []byte
	for c := head; c < len(payload); c += component {
		samples := float64(payload[c+1]>>4) * float64(payload[c+1]&0xf)
		planes, most = planes+samples, max(most, samples)
		ids = append(ids, payload[c])
	}
	cost := planes / max(most, 1)
	if marker == markerSOF2 {
		cost += 4 * cost
	}
	if len(ids) == 4 || string(ids) == "RGB" {
		cost += 4
	}
	return cost
}

// segment finds the next marker at or after an offset, and its payload. next is where to go on, or 0 at the end of the
// data.
func segment(data []byte, at int) (marker byte, payload []byte, next int) {
	for ; at+1 < len(data); at++ {
		marker = data[at+1]
		if data[at] != 0xff || marker == 0x00 || marker == 0xff || (marker >= markerRST0 && marker <= markerRST7) {
			continue // coded data, a stuffed byte, a fill byte, or a mark within coded data
		}
		at += 2
		if marker == markerEOI {
			return marker, nil, at
		}
		if at+2 > len(data) {
			break
		}
		end := at + int(binary.BigEndian.Uint16(data[at:]))
		if end < at+2 || end > len(data) {
			break
		}
		return marker, data[at+2 : end], end
	}
	return 0, nil, 0
}

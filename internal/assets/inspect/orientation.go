package inspect

import (
	"encoding/binary"
	"image"
)

// orientation is how a camera was held, in EXIF's numbers 1 to 8.
type orientation uint16

const upright orientation = 1

// orientationIn reads the orientation out of EXIF data: the TIFF tag 0x0112 of the first directory (CIPA DC-008, 4.6.5
// and 4.5.2). Metadata that can't be read says nothing, as in browsers.
func orientationIn(exif []byte) orientation {
	const header, entry, tag, short = 8, 12, 0x0112, 3
	if len(exif) < header {
		return upright
	}
	var order binary.ByteOrder
	switch string(exif[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return upright
	}
	at := uint64(order.Uint32(exif[4:]))
	if at+2 > uint64(len(exif)) {
		return upright
	}
	entries := exif[at+2:]
	for range order.Uint16(exif[at:]) {
		if len(entries) < entry {
			break
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if o := orientation(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			break
		}
		entries = entries[entry:]
	}
	return upright
}

// turned is the size that a picture of a size is shown in.
func (o orientation) turned(size image.Point) image.Point {
	if o >= 5 {
		return image.Pt(size.Y, size.X)
	}
	return size
}

// turn draws a picture as it is meant to be shown.
func (o orientation) turn(src *image.RGBA) *image.RGBA {
	if o == upright {
		return src
	}
	size := o.turned(src.Rect.Size())
	last := src.Rect.Size().Sub(image.Pt(1, 1))
	dst := image.NewRGBA(image.Rectangle{Max: size})
	for y := range size.Y {
		for x := range size.X {
			from := o.from(image.Pt(x, y), last)
			copy(dst.Pix[dst.PixOffset(x, y):][:4], src.Pix[src.PixOffset(from.X, from.Y):])
		}
	}
	return dst
}

// from is where a pixel that is shown at p is stored; last is the last stored one. In the words of EXIF, row 0 and
// column 0 as stored are shown as: 2 top and right, 3 bottom and right, 4 bottom and left, 5 left and top, 6 right and
// top, 7 right and bottom, 8 left and bottom.
func (o orientation) from(p, last image.Point) image.Point {
	switch o {
	case 2:
		return image.Pt(last.X-p.X, p.Y)
	case 3:
		return image.Pt(last.X-p.X, last.Y-p.Y)
	case 4:
		return image.Pt(p.X, last.Y-p.Y)
	case 5:
		return image.Pt(p.Y, p.X)
	case 6:
		return image.Pt(p.Y, last.Y-p.X)
	case 7:
		return image.Pt(last.X-p.Y, last.Y-p.X)
	case 8:
		return image.Pt(last.X-p.Y, p.X)
	default:
		return p
	}
}

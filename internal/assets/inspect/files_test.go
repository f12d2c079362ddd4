package inspect_test

import (
	"bytes"
	"compress/zlib"
	_ "embed"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"slices"

	"golang.org/x/image/draw"
)

//go:embed testdata/face.jpg
var faceJPEG []byte

//go:embed testdata/face.webp
var faceWebP []byte

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func face() image.Image { return must(jpeg.Decode(bytes.NewReader(faceJPEG))) }

func asJPEG(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func asPNG(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// scaled is a picture at another size.
func scaled(m image.Image, width, height int) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, width, height))
	if width >= m.Bounds().Dx() {
		draw.ApproxBiLinear.Scale(dst, dst.Rect, m, m.Bounds(), draw.Src, nil)
		return dst
	}
	draw.BiLinear.Scale(dst, dst.Rect, m, m.Bounds(), draw.Src, nil)
	return dst
}

// blurred has lost what is smaller than by pixels.
func blurred(m image.Image, by int) *image.RGBA {
	size := m.Bounds().Size()
	return scaled(scaled(m, size.X/by, size.Y/by), size.X, size.Y)
}

// collage shows pictures side by side.
func collage(ms ...image.Image) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, 480*len(ms), 480))
	draw.Draw(dst, dst.Rect, image.White, image.Point{}, draw.Src)
	for i, m := range ms {
		draw.Draw(dst, image.Rect(480*i, 0, 480*(i+1), 480), m, m.Bounds().Min, draw.Src)
	}
	return dst
}

// turnedBack is how a camera stores a picture that is to be shown with an EXIF orientation.
func turnedBack(m image.Image, orientation int) *image.RGBA {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	stored := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		stored = image.Rect(0, 0, h, w)
	}
	dst := image.NewRGBA(stored)
	for y := range h {
		for x := range w {
			right, bottom := w-1-x, h-1-y
			at := [9]image.Point{
				1: {X: x, Y: y}, 2: {X: right, Y: y}, 3: {X: right, Y: bottom}, 4: {X: x, Y: bottom},
				5: {X: y, Y: x}, 6: {X: y, Y: right}, 7: {X: bottom, Y: right}, 8: {X: bottom, Y: x},
			}[orientation]
			dst.Set(at.X, at.Y, m.At(x, y))
		}
	}
	return dst
}

// noise is a picture without anything in it, the same each time.
func noise(width, height int) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, width, height))
	state := uint32(1)
	for i := range dst.Pix {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		dst.Pix[i] = uint8(state)
	}
	return dst
}

// exif is metadata with an orientation, beside a tag that tells where the picture was taken (GPSInfo, 0x8825).
func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	mark := "II"
	if order.AppendUint16(nil, 1)[0] == 0 {
		mark = "MM"
	}
	b := order.AppendUint32(order.AppendUint16([]byte(mark), 42), 8)
	b = order.AppendUint16(b, 2)
	for _, entry := range []struct{ tag, kind, value uint16 }{{0x0112, 3, orientation}, {0x8825, 3, 0}} {
		b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, entry.tag), entry.kind), 1)
		b = order.AppendUint16(order.AppendUint16(b, entry.value), 0)
	}
	return append(order.AppendUint32(b, 0), "GPS-SECRET"...)
}

// --- JPEG

// jpegSegment is a marker with its payload.
func jpegSegment(marker byte, payload ...byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(payload)+2)), payload...)
}

// withSegment puts a segment behind a JPEG's start.
func withSegment(file []byte, marker byte, payload []byte) []byte {
	return slices.Concat(file[:2], jpegSegment(marker, payload...), file[2:])
}

func withEXIF(file, metadata []byte) []byte {
	return withSegment(file, 0xe1, append([]byte("Exif\x00\x00"), metadata...))
}

// adobe says that the planes of a JPEG are RGB or CMYK as they are.
var adobe = []byte("Adobe\x00\x64\x00\x00\x00\x00\x00")

// flatJPEG is a picture of one colour in any encoding: frame is its SOF marker. A progressive one gets as many scans.
func flatJPEG(frame byte, width, height, components, scans int) []byte {
	file := []byte{0xff, 0xd8}
	if components == 4 {
		file = append(file, jpegSegment(0xee, adobe...)...)
	}
	file = append(file, jpegSegment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)...)
	head := []byte{8, byte(height >> 8), byte(height), byte(width >> 8), byte(width), byte(components)}
	for c := range components {
		head = append(head, byte(c+1), 0x11, 0)
	}
	file = append(file, jpegSegment(frame, head...)...)
	// One code of one bit in each Huffman table: no difference, and the end of (a run of) blocks.
	for _, class := range []byte{0x00, 0x10} {
		table := append([]byte{class, 1}, make([]byte, 15)...)
		file = append(file, jpegSegment(0xc4, append(table, 0)...)...)
	}
	blocks := (width + 7) / 8 * ((height + 7) / 8)
	all := []byte{byte(components)}
	for c := range components {
		all = append(all, byte(c+1), 0)
	}
	if frame != 0xc2 {
		file = append(file, jpegSegment(0xda, append(all, 0, 63, 0)...)...)
		return append(append(file, make([]byte, (2*blocks*components+7)/8)...), 0xff, 0xd9)
	}
	file = append(file, jpegSegment(0xda, append(all, 0, 0, 0)...)...)
	file = append(file, make([]byte, (blocks*components+7)/8)...)
	for range scans - 1 {
		file = append(file, jpegSegment(0xda, 1, 1, 0, 1, 63, 0)...)
		file = append(file, make([]byte, (blocks+7)/8)...)
	}
	return append(file, 0xff, 0xd9)
}

// endlessJPEG is a progressive picture of one colour, each of whose scans says in some bytes that no block changes.
func endlessJPEG(width, height, scans int) []byte {
	file := flatJPEG(0xc2, width, height, 1, 1)
	file = file[:len(file)-2]
	file = append(file, jpegSegment(0xc4, append([]byte{0x10, 1}, append(make([]byte, 15), 0xe0)...)...)...) // 0: 16,384 blocks at once
	blocks := (width + 7) / 8 * ((height + 7) / 8)
	for range scans {
		file = append(file, jpegSegment(0xda, 1, 1, 0, 1, 63, 0)...)
		file = append(file, make([]byte, (15*((blocks+16383)/16384)+7)/8)...)
	}
	return append(file, 0xff, 0xd9)
}

// repeatedScan says the only scan of a JPEG several times.
func repeatedScan(file []byte, times int) []byte {
	at := bytes.Index(file, []byte{0xff, 0xda})
	return slices.Concat(file[:at], bytes.Repeat(file[at:len(file)-2], times), file[len(file)-2:])
}

// --- PNG

func pngChunk(kind string, payload []byte) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), kind...)
	b = append(b, payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func pngFile(chunks ...[]byte) []byte {
	return append([]byte("\x89PNG\r\n\x1a\n"), slices.Concat(chunks...)...)
}

func pngHeader(width, height uint32, depth, colorType, interlace byte) []byte {
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	return pngChunk("IHDR", append(b, depth, colorType, 0, 0, interlace))
}

// zeros are so many compressed zero bytes.
func zeros(n int64) []byte {
	var b bytes.Buffer
	w := must(zlib.NewWriterLevel(&b, zlib.BestSpeed))
	must(io.CopyN(w, zeroReader{}, n))
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// withChunk puts a chunk behind a PNG's header.
func withChunk(file []byte, kind string, payload []byte) []byte {
	const header = 8 + 12 + 13
	return slices.Concat(file[:header], pngChunk(kind, payload), file[header:])
}

// flatPNG is a picture of zeros in any encoding; bits is of a pixel.
func flatPNG(width, height uint32, depth, colorType, interlace byte, bits uint32) []byte {
	passes := [][4]uint32{{0, 0, 1, 1}}
	if interlace == 1 { // Adam7: where each pass starts, and its steps
		passes = [][4]uint32{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	var size int64
	for _, p := range passes {
		columns, rows := (width-p[0]+p[2]-1)/p[2], (height-p[1]+p[3]-1)/p[3]
		size += int64(rows) * (1 + (int64(columns)*int64(bits)+7)/8)
	}
	return pngFile(
		pngHeader(width, height, depth, colorType, interlace), pngChunk("IDAT", zeros(size)), pngChunk("IEND", nil),
	)
}

// --- WebP

func riff(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), slices.Concat(chunks...)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

func riffChunk(kind string, payload []byte) []byte {
	b := append(binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(payload))), payload...)
	return append(b, make([]byte, len(payload)%2)...)
}

// flatVP8L is a lossless picture of one colour: after its header, no transform, no colour cache, no groups, and five
// Huffman codes of one symbol each, so that pixels take no bit at all.
func flatVP8L(width, height int) []byte {
	bits, n := uint64(0), 0
	put := func(value uint64, count int) { bits |= value << n; n += count }
	put(0b000, 3)
	for range 5 {
		put(0b001, 3) // simple, one symbol, of one bit
		put(0b0, 1)   // which is 0
	}
	b := binary.LittleEndian.AppendUint32([]byte{0x2f}, uint32(width-1)|uint32(height-1)<<14)
	return riffChunk("VP8L", binary.LittleEndian.AppendUint64(b, bits))
}

// vp8x is the header of an extended file.
func vp8x(flags byte, width, height uint32) []byte {
	w := binary.LittleEndian.AppendUint32(nil, width-1)[:3]
	h := binary.LittleEndian.AppendUint32(nil, height-1)[:3]
	return riffChunk("VP8X", slices.Concat([]byte{flags, 0, 0, 0}, w, h))
}

// vp8 is the lossy bitstream chunk of the test's face.
func vp8() []byte { return faceWebP[12:] }

func gray16(width, height int) image.Image {
	m := image.NewNRGBA64(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, color.NRGBA64{R: uint16(x * 257), G: uint16(y * 257), B: 0x8000, A: 0xc000})
		}
	}
	return m
}

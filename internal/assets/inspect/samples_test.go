package inspect_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"slices"
	"sync"

	"golang.org/x/image/draw"

	"github.com/mugshot-studio/backend/internal/assets/inspect"
)

// sample is a file and what is to be said of it; an empty reason: it passes.
type sample struct {
	name     string
	file     []byte
	announce string
	size     int64 // announced; 0: the true one
	portrait bool
	reason   inspect.Reason
}

var samples = sync.OnceValue(func() []sample {
	small := scaled(face(), 48, 48)
	goodJPEG, goodPNG := asJPEG(small), asPNG(small)
	var animation bytes.Buffer
	if err := gif.Encode(&animation, small, nil); err != nil {
		panic(err)
	}
	half := func(b []byte) []byte { return b[:len(b)/2] }
	concat := slices.Concat[[]byte, byte]
	zip := []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00evil.exe")
	end := pngChunk("IEND", nil)
	wrong := slices.Clone(goodPNG)
	wrong[len(wrong)-20] ^= 0xff // in the last IDAT, whose checksum no longer holds
	return slices.Concat([]sample{
		// What passes.
		{"JPEG", goodJPEG, jpg, 0, false, ""},
		{"JPEG, gray", asJPEG(image.NewGray(image.Rect(0, 0, 9, 7))), jpg, 0, false, ""},
		{"JPEG, CMYK", flatJPEG(0xc0, 100, 60, 4, 1), jpg, 0, false, ""},
		{"JPEG, progressive", flatJPEG(0xc2, 100, 60, 3, 10), jpg, 0, false, ""},
		{"JPEG, and a film behind it, as phones make", concat(goodJPEG, []byte("\x00\x00\x00\x18ftypmp42")), jpg, 0, false, ""},
		{"JPEG with a script in a comment, which nothing runs", withSegment(goodJPEG, 0xfe, []byte("<script>alert(1)</script>")), jpg, 0, false, ""},
		{"JPEG with broken metadata", withEXIF(goodJPEG, []byte("II*\x00\xff\xff\xff\xff")), jpg, 0, false, ""},
		{"PNG", goodPNG, pngT, 0, false, ""},
		{"PNG, 16 bits", asPNG(gray16(40, 30)), pngT, 0, false, ""},
		{"PNG, one pixel", asPNG(image.NewGray(image.Rect(0, 0, 1, 1))), pngT, 0, false, ""},
		{"PNG, interlaced", flatPNG(33, 21, 8, 6, 1, 32), pngT, 0, false, ""},
		{"PNG, 40 megapixels", flatPNG(8000, 5000, 1, 0, 0, 1), pngT, 0, false, ""},
		{"WebP, lossy", faceWebP, webp, 0, false, ""},
		{"WebP, lossless", riff(flatVP8L(40, 30)), webp, 0, false, ""},
		{"WebP with metadata", riff(vp8x(0x08, 480, 480), vp8(), riffChunk("EXIF", exif(binary.LittleEndian, 6))), webp, 0, false, ""},
	}, []sample{
		// Not what it was announced as.
		{"nothing", nil, jpg, 0, false, inspect.Empty},
		{"one byte", []byte{0xff}, jpg, 0, false, inspect.UnsupportedType},
		{"text", []byte("hello, world"), jpg, 0, false, inspect.UnsupportedType},
		{"shorter than announced", goodPNG, pngT, int64(len(goodPNG)) + 1, false, inspect.SizeMismatch},
		{"longer than announced", goodPNG, pngT, int64(len(goodPNG)) - 1, false, inspect.SizeMismatch},
		{"8 MiB and a byte", concat(goodJPEG, make([]byte, inspect.MaxBytes+1-len(goodJPEG))), jpg, inspect.MaxBytes, false, inspect.TooLarge},
		{"8 MiB and a byte, as announced", concat(goodJPEG, make([]byte, inspect.MaxBytes+1-len(goodJPEG))), jpg, 0, false, inspect.TooLarge},
		{"PNG as JPEG", goodPNG, jpg, 0, false, inspect.TypeMismatch},
		{"JPEG as PNG", goodJPEG, pngT, 0, false, inspect.TypeMismatch},
		{"WebP as PNG", faceWebP, pngT, 0, false, inspect.TypeMismatch},
		{"PNG as an unknown type", goodPNG, "image/avif", 0, false, inspect.TypeMismatch},
		{"SVG as PNG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), pngT, 0, false, inspect.UnsupportedType},
		{"HTML as JPEG", []byte("<!doctype html><img src=x onerror=alert(1)>"), jpg, 0, false, inspect.UnsupportedType},
		{"GIF as PNG", animation.Bytes(), pngT, 0, false, inspect.UnsupportedType},
		{"GIF as script, as JPEG", []byte("GIF89a/*\x00\x00*/=1;alert(1)//"), jpg, 0, false, inspect.UnsupportedType},
		{"HEIC as JPEG", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), jpg, 0, false, inspect.UnsupportedType},
		{"AVIF as WebP", []byte("\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1"), webp, 0, false, inspect.UnsupportedType},
		{"BMP as PNG", []byte("BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00"), pngT, 0, false, inspect.UnsupportedType},
		{"TIFF as JPEG", []byte("II*\x00\x08\x00\x00\x00"), jpg, 0, false, inspect.UnsupportedType},
		{"PDF with a JPEG in it", concat([]byte("%PDF-1.7\n"), goodJPEG), jpg, 0, false, inspect.UnsupportedType},
		{"ZIP before a PNG", concat(zip, goodPNG), pngT, 0, false, inspect.UnsupportedType},
		{"WAV as WebP", concat([]byte("RIFF\x24\x00\x00\x00WAVEfmt ")), webp, 0, false, inspect.UnsupportedType},
	}, []sample{
		// Damaged, or more than a picture.
		{"JPEG, cut off", half(goodJPEG), jpg, 0, false, inspect.Damaged},
		{"JPEG, its end missing", goodJPEG[:len(goodJPEG)-2], jpg, 0, false, inspect.Damaged},
		{"JPEG, header only", goodJPEG[:20], jpg, 0, false, inspect.Damaged},
		{"JPEG, signature only", goodJPEG[:3], jpg, 0, false, inspect.Damaged},
		{"JPEG without a scan", concat(goodJPEG[:2], jpegSegment(0xc0, 8, 0, 9, 0, 9, 1, 1, 0x11, 0), []byte{0xff, 0xd9}), jpg, 0, false, inspect.Damaged},
		{"JPEG of no pixels", flatJPEG(0xc0, 0, 0, 3, 1), jpg, 0, false, inspect.Damaged},
		{"JPEG, arithmetic coding", flatJPEG(0xc9, 16, 16, 3, 1), jpg, 0, false, inspect.Damaged},
		{"JPEG, lossless", flatJPEG(0xc3, 16, 16, 3, 1), jpg, 0, false, inspect.Damaged},
		{"JPEG with a segment beyond the end", append(goodJPEG[:2:2], 0xff, 0xe1, 0xff, 0xff, 'E'), jpg, 0, false, inspect.Damaged},
		{"PNG, cut off", half(goodPNG), pngT, 0, false, inspect.Damaged},
		{"PNG, its end missing", goodPNG[:len(goodPNG)-12], pngT, 0, false, inspect.Damaged},
		{"PNG, signature only", goodPNG[:8], pngT, 0, false, inspect.Damaged},
		{"PNG with a wrong checksum", wrong, pngT, 0, false, inspect.Damaged},
		{"PNG with a ZIP behind it", concat(goodPNG, zip), pngT, 0, false, inspect.Damaged},
		{"PNG with another behind it", concat(goodPNG, goodPNG), pngT, 0, false, inspect.Damaged},
		{"PNG with a chunk beyond the end", pngFile(pngHeader(9, 9, 8, 2, 0), []byte("\xff\xff\xff\xffIDAT1234")), pngT, 0, false, inspect.Damaged},
		{"PNG of no pixels", flatPNG(0, 0, 8, 2, 0, 24), pngT, 0, false, inspect.Damaged},
		{"PNG without data", pngFile(pngHeader(9, 9, 8, 2, 0), end), pngT, 0, false, inspect.Damaged},
		{"PNG with too little data", pngFile(pngHeader(9, 9, 8, 2, 0), pngChunk("IDAT", zeros(10)), end), pngT, 0, false, inspect.Damaged},
		{"PNG, a zip bomb: 16 MB of data for nine pixels", pngFile(pngHeader(3, 3, 8, 2, 0), pngChunk("IDAT", zeros(16<<20)), end), pngT, 0, false, inspect.Damaged},
		{"PNG with bits that do not exist", pngFile(pngHeader(9, 9, 3, 2, 0), pngChunk("IDAT", zeros(99)), end), pngT, 0, false, inspect.Damaged},
		{"WebP longer than it says", append(slices.Clone(faceWebP), 0, 0), webp, 0, false, inspect.Damaged},
		{"WebP shorter than it says", faceWebP[:len(faceWebP)-2], webp, 0, false, inspect.Damaged},
		{"WebP of 2 GB, by its header", concat([]byte("RIFF\xf0\xff\xff\x7fWEBPVP8 \xe4\xff\xff\x7f"), vp8()[8:99]), webp, 0, false, inspect.Damaged},
		{"WebP, a chunk longer than the file", riff([]byte("VP8 \xff\xff\x00\x00")), webp, 0, false, inspect.Damaged},
		{"WebP, header only", riff(), webp, 0, false, inspect.Damaged},
		{"WebP with no picture", riff(vp8x(0, 9, 9)), webp, 0, false, inspect.Damaged},
		{"WebP with a ZIP behind it", concat(faceWebP, zip), webp, 0, false, inspect.Damaged},
		{"WebP, a large picture behind a small header", riff(vp8x(0, 9, 9), flatVP8L(16383, 16383)), webp, 0, false, inspect.Damaged},
		{"PNG, animated", withChunk(goodPNG, "acTL", make([]byte, 8)), pngT, 0, false, inspect.Animated},
		{"WebP, animated", riff(vp8x(0x02, 480, 480), riffChunk("ANIM", make([]byte, 6)), riffChunk("ANMF", vp8())), webp, 0, false, inspect.Animated},
	}, []sample{
		// Bombs.
		{"PNG, 50000 x 50000 by its header", pngFile(pngHeader(50000, 50000, 8, 2, 0), pngChunk("IDAT", zeros(999)), end), pngT, 0, false, inspect.TooManyPixels},
		{"PNG, 2147483647 wide by its header", pngFile(pngHeader(1<<31-1, 1, 1, 0, 0), pngChunk("IDAT", zeros(999)), end), pngT, 0, false, inspect.TooManyPixels},
		{"PNG, a row of 40 megapixels", pngFile(pngHeader(40_000_000, 1, 1, 0, 0), pngChunk("IDAT", zeros(999)), end), pngT, 0, false, inspect.TooManyPixels},
		{"PNG, just over 40 megapixels", pngFile(pngHeader(8000, 5001, 1, 0, 0), pngChunk("IDAT", zeros(999)), end), pngT, 0, false, inspect.TooManyPixels},
		{"JPEG, 65535 x 65535 by its header", flatJPEG(0xc0, 65535, 65535, 1, 1)[:400], jpg, 0, false, inspect.TooManyPixels},
		{"JPEG, progressive CMYK that takes a gigabyte", flatJPEG(0xc2, 8000, 5000, 4, 1), jpg, 0, false, inspect.TooManyPixels},
		{"JPEG, a thousand scans", flatJPEG(0xc2, 16, 16, 3, 1000), jpg, 0, false, inspect.TooComplex},
		{"JPEG, 84 kB that are 40 megapixels a hundred times", endlessJPEG(6320, 6320, 98), jpg, 0, false, inspect.TooComplex},
		{"JPEG, 40 megapixels of three planes six times", flatJPEG(0xc2, 6000, 5000, 3, 20), jpg, 0, false, inspect.TooComplex},
		{"JPEG, sequential, over and over", repeatedScan(flatJPEG(0xc0, 1600, 1600, 3, 1), 40), jpg, 0, false, inspect.TooComplex},
		{"PNG, 40 megapixels of 16 bits", flatPNG(8000, 5000, 16, 6, 0, 64), pngT, 0, false, inspect.TooComplex},
		{"PNG, 40 megapixels, interlaced", flatPNG(8000, 5000, 8, 6, 1, 32), pngT, 0, false, inspect.TooComplex},
		{"WebP, 16384 x 16384 in 40 bytes", riff(flatVP8L(16384, 16384)), webp, 0, false, inspect.TooManyPixels},
		{"WebP, 16777216 x 1 by its header", riff(vp8x(0, 1<<24, 1)), webp, 0, false, inspect.TooManyPixels},
	}, faces())
})

// faces are portraits, good and bad.
func faces() []sample {
	woman := face()
	sideways := turnedBack(woman, 6)
	dark := image.NewRGBA(woman.Bounds())
	draw.Draw(dark, dark.Rect, woman, image.Point{}, draw.Src)
	for i := range dark.Pix {
		dark.Pix[i] = dark.Pix[i] / 3 * 2
	}
	passerBy := collage(woman, scaled(woman, 130, 130))
	return []sample{
		{"a face", faceJPEG, jpg, 0, true, ""},
		{"a face, WebP", faceWebP, webp, 0, true, ""},
		{"a face, PNG", asPNG(woman), pngT, 0, true, ""},
		{"a face, dim", asJPEG(dark), jpg, 0, true, ""},
		{"a face and a passer-by", asJPEG(passerBy), jpg, 0, true, ""},
		{"a face, stored sideways", withEXIF(asJPEG(sideways), exif(binary.BigEndian, 6)), jpg, 0, true, ""},
		{"a face, stored sideways, PNG", withChunk(asPNG(sideways), "eXIf", exif(binary.LittleEndian, 6)), pngT, 0, true, ""},
		{"a face, somewhat blurred", asJPEG(blurred(woman, 2)), jpg, 0, true, ""},
		{"a face, sideways", asJPEG(sideways), jpg, 0, true, inspect.NoFace},
		{"a face, upside down", asJPEG(turnedBack(woman, 3)), jpg, 0, true, inspect.NoFace},
		{"no face: one colour", flatJPEG(0xc0, 500, 400, 3, 1), jpg, 0, true, inspect.NoFace},
		{"no face: noise", asJPEG(noise(500, 400)), jpg, 0, true, inspect.NoFace},
		{"no face: a pixel", asPNG(image.NewGray(image.Rect(0, 0, 1, 1))), pngT, 0, true, inspect.NoFace},
		{"no face: a line", flatPNG(65535, 1, 1, 0, 0, 1), pngT, 0, true, inspect.NoFace},
		{"two faces", asJPEG(collage(woman, woman)), jpg, 0, true, inspect.SeveralFaces},
		{"two faces, one nearer", asJPEG(collage(woman, scaled(woman, 300, 300))), jpg, 0, true, inspect.SeveralFaces},
		{"three faces", asJPEG(collage(woman, woman, woman)), jpg, 0, true, inspect.SeveralFaces},
		{"a face of 60 pixels", asJPEG(scaled(woman, 170, 170)), jpg, 0, true, inspect.FaceTooSmall},
		{"a face, far away", asJPEG(collage(scaled(woman, 200, 200))), jpg, 0, true, inspect.FaceTooSmall},
		{"a face, blurred", asJPEG(blurred(woman, 8)), jpg, 0, true, inspect.FaceBlurred},
		{"a face, blown up", asJPEG(scaled(scaled(woman, 60, 60), 1000, 1000)), jpg, 0, true, inspect.FaceBlurred},
	}
}

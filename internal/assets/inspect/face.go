package inspect

import (
	"cmp"
	_ "embed"
	"fmt"
	"image"
	"math"
	"slices"

	pigo "github.com/esimov/pigo/core"
	"golang.org/x/image/draw"
)

// FaceConfig says which faces will do. A zero field takes its default; the defaults were chosen on photographs that were
// turned, darkened and blurred by degrees.
type FaceConfig struct {
	// MinScore is how sure the detector has to be that something is a face. Faces that look into the camera score 50 to
	// 350, dim or inclined ones 10 to 50, textures up to 6. Default: 8.
	MinScore float64
	// MinSize is the least width of the face in pixels of the upload. Default: 112, which is what networks that tell
	// faces apart take in (arxiv.org/abs/1801.07698): a smaller one says little about who it is.
	MinSize float64
	// MinSharpness is the least variance of the Laplacian in the face when it is scaled to 112 by 112 pixels of 0 to 255
	// (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000). A sharp face has 300 to 500, one
	// blurred by a Gaussian of a hundredth of its width 50, of a fiftieth 10. Default: 15.
	MinSharpness float64
}

const (
	searchSide = 640 // longer side of what is searched for faces, in pixels: 50 ms on one core
	minWindow  = 20  // least face that the cascade was trained for, in pixels
	faceSide   = 112 // see FaceConfig

	// A face counts as a second one when it is at least so large beside the surest; smaller ones are passers-by.
	minCompanion = 1.0 / 3
)

//go:embed cascade/facefinder
var cascade []byte

type faceFinder struct {
	config  FaceConfig
	cascade *pigo.Pigo
}

func newFaceFinder(c FaceConfig) (*faceFinder, error) {
	for _, field := range []struct {
		value    *float64
		standard float64
	}{{&c.MinScore, 8}, {&c.MinSize, faceSide}, {&c.MinSharpness, 15}} {
		if *field.value == 0 {
			*field.value = field.standard
		}
	}
	unpacked, err := pigo.NewPigo().Unpack(cascade)
	if err != nil {
		return nil, fmt.Errorf("unpack face cascade: %w", err)
	}
	return &faceFinder{config: c, cascade: unpacked}, nil
}

// check returns an ErrFaceCheck unless exactly one face is there that is large and sharp enough. One pixel of upright
// stands for scale by scale pixels of the upload.
func (f *faceFinder) check(upright *image.RGBA, scale float64) error {
	small := luma(reduce(upright, searchSide))
	scaleSmall := float64(upright.Rect.Dx()) / float64(small.Rect.Dx())
	faces := f.main(small)
	switch {
	case len(faces) == 0:
		return Refusal(NoFace)
	case len(faces) > 1:
		return Refusal(SeveralFaces)
	}
	surest := faces[0]
	if surest.size*scaleSmall*scale < f.config.MinSize {
		return Refusal(FaceTooSmall)
	}
	if sharpness(upright, surest.in(scaleSmall)) < f.config.MinSharpness {
		return Refusal(FaceBlurred)
	}
	return nil
}

// count returns how many faces matter in a picture.
func (f *faceFinder) count(upright *image.RGBA) int {
	return len(f.main(luma(reduce(upright, searchSide))))
}

// main returns the surest face and those that count beside it, each once.
func (f *faceFinder) main(gray *image.Gray) []face {
	var faces []face
	for _, found := range f.find(gray) {
		counts := len(faces) == 0 || found.size >= faces[0].size*minCompanion
		if counts && !slices.ContainsFunc(faces, found.is) {
			faces = append(faces, found)
		}
	}
	return faces
}

// face is a square around a face, in pixels of what was searched.
type face struct{ x, y, size, score float64 }

// is reports whether two are one face, which may answer at two sizes: the middle of one lies within the other.
func (f face) is(other face) bool {
	return max(math.Abs(other.x-f.x), math.Abs(other.y-f.y)) < max(f.size, other.size)/2
}

// in is a face's square in a picture that is larger by a factor.
func (f face) in(factor float64) image.Rectangle {
	half := f.size / 2
	return image.Rect(
		int((f.x-half)*factor), int((f.y-half)*factor), int((f.x+half)*factor), int((f.y+half)*factor),
	)
}

// find returns the faces that look into the camera, inclined by at most some 20 degrees; the surest first.
func (f *faceFinder) find(gray *image.Gray) []face {
	width, height := gray.Rect.Dx(), gray.Rect.Dy()
	found := f.cascade.RunCascade(pigo.CascadeParams{
		MinSize: max(minWindow, min(width, height)/20), MaxSize: min(width, height), ShiftFactor: 0.1, ScaleFactor: 1.1,
		ImageParams: pigo.ImageParams{Pixels: gray.Pix, Rows: height, Cols: width, Dim: gray.Stride},
	}, 0)
	var faces []face
	for _, d := range f.cascade.ClusterDetections(found, 0.2) {
		if float64(d.Q) >= f.config.MinScore {
			faces = append(faces, face{x: float64(d.Col), y: float64(d.Row), size: float64(d.Scale), score: float64(d.Q)})
		}
	}
	slices.SortFunc(faces, func(a, b face) int { return cmp.Compare(b.score, a.score) })
	return faces
}

// sharpness is the variance of the Laplacian in a square of a picture, scaled to faceSide.
func sharpness(picture *image.RGBA, square image.Rectangle) float64 {
	gray := image.NewGray(image.Rect(0, 0, faceSide, faceSide))
	draw.BiLinear.Scale(gray, gray.Rect, picture, square.Intersect(picture.Rect), draw.Src, nil)
	var sum, squares, count float64
	for y := 1; y < faceSide-1; y++ {
		for x := 1; x < faceSide-1; x++ {
			at := gray.Pix[(y-1)*faceSide+x-1:]
			around := int(at[1]) + int(at[faceSide]) + int(at[faceSide+2]) + int(at[2*faceSide+1])
			laplacian := float64(around - 4*int(at[faceSide+1]))
			sum += laplacian
			squares += laplacian * laplacian
			count++
		}
	}
	mean := sum / count
	return squares/count - mean*mean
}

package inspect_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets/inspect"
)

// Counting refuses nothing: a picture that is to be copied may show as many people as it likes.
func TestCheck_countsFaces(t *testing.T) {
	t.Parallel()
	woman := face()
	c := checker(t)
	for name, s := range map[string]struct {
		file []byte
		want int
	}{
		"no face":                   {asJPEG(noise(500, 400)), 0},
		"one":                       {faceJPEG, 1},
		"one and a passer-by":       {asJPEG(collage(woman, scaled(woman, 130, 130))), 1},
		"two":                       {asJPEG(collage(woman, woman)), 2},
		"three":                     {asJPEG(collage(woman, woman, woman)), 3},
		"one, too small for selfie": {asJPEG(scaled(woman, 170, 170)), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			picture, err := check(t, c, s.file, inspect.Wanted{ContentType: "image/jpeg", CountFaces: true})
			require.NoError(t, err)
			require.Equal(t, s.want, picture.Faces)
			picture, err = check(t, c, s.file, inspect.Wanted{ContentType: "image/jpeg"})
			require.NoError(t, err)
			require.Zero(t, picture.Faces, "they were not asked for")
		})
	}
}

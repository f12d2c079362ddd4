package picture

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArea(t *testing.T) {
	t.Parallel()
	for _, c := range [][6]int{ // width, height, least, most, and what it becomes
		{1920, 1080, 921_600, 16_777_216, 1920, 1080},
		{1920, 1080, 3_686_400, 16_777_216, 2560, 1440},
		{1280, 720, 921_600, 4_624_220, 1280, 720},
		{3840, 2160, 921_600, 4_624_220, 2867, 1612},
		{1, 1, 100, 200, 10, 10},
	} {
		w, h := Area(c[0], c[1], c[2], c[3])
		require.Equal(t, [2]int{c[4], c[5]}, [2]int{w, h}, "%v", c)
	}
	for width := 40; width < 5000; width += 97 {
		for height := 40; height < 5000; height += 89 {
			w, h := Area(width, height, 3_686_400, 4_624_220)
			require.GreaterOrEqual(t, w*h, 3_686_400)
			require.LessOrEqual(t, w*h, 4_624_220)
		}
	}
}

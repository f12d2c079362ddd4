package local

import "math"

// spacing says how lines are set. In ems of the line's size.
type spacing struct {
	padX, padY float64 // what outline, shadow or plate need around a line
	gap        float64 // between two lines
	space      float64 // between two words
	most       float64 // how much larger than the smallest a line may be, 1 or more
	align      float64 // 0 left, 0.5 centred, 1 right
}

// line is a set line; x and y place its baseline's start, in pixels from the block's top left corner.
type line struct {
	words       []word
	width       float64 // ems
	top, bottom float64 // ems
	size        float64 // pixels to the em
	x, y        float64
}

// block is set text. Its lines with their padding fill w by h pixels exactly.
type block struct {
	lines   []line
	spacing spacing
	w, h    float64
}

// fit breaks words into lines and chooses sizes, at most largest pixels to the em, so that the block fills as much of w
// by h as can be, and never more.
func fit(words []word, w, h, largest float64, sp spacing) block {
	var best block
	area := -1.0
	for _, lines := range breaks(words, sp.space) {
		b := size(lines, w, h, largest, sp)
		a := 0.0
		for _, l := range b.lines {
			a += l.width * (l.top + l.bottom) * l.size * l.size
		}
		if a > area {
			best, area = b, a
		}
	}
	return best
}

// size gives each line the size at which it fills the width, as far as spacing and height allow.
func size(lines []line, w, h, largest float64, sp spacing) block {
	smallest := largest
	for _, l := range lines {
		smallest = math.Min(smallest, w/(l.width+2*sp.padX))
	}
	b := block{lines: lines, spacing: sp}
	for i := range lines {
		l := &lines[i]
		l.size = math.Min(largest, math.Min(w/(l.width+2*sp.padX), sp.most*smallest))
		b.h += b.height(i)
	}
	b.scale(math.Min(1, h/b.h))
	return b
}

// height is what line i takes, with the gap above it.
func (b *block) height(i int) float64 {
	l := b.lines[i]
	height := l.top + l.bottom + 2*b.spacing.padY
	if i > 0 {
		height += b.spacing.gap
	}
	return height * l.size
}

// scale resizes the block by k and places its lines anew.
func (b *block) scale(k float64) {
	b.w, b.h = 0, 0
	for i := range b.lines {
		l := &b.lines[i]
		l.size *= k
		b.w = math.Max(b.w, (l.width+2*b.spacing.padX)*l.size)
		b.h += b.height(i)
		l.y = b.h - (b.spacing.padY+l.bottom)*l.size
	}
	for i := range b.lines {
		l := &b.lines[i]
		l.x = b.spacing.padX*l.size + (b.w-(l.width+2*b.spacing.padX)*l.size)*b.spacing.align
	}
}

// maxLines bounds the height of a stack; a block of more lines would be too small to read anyway.
const maxLines = 12

// breaks returns, for each number of lines up to maxLines, the break whose widest line is narrowest.
func breaks(words []word, space float64) [][]line {
	n := len(words)
	width := func(i, j int) float64 { // of words i to j, j excluded
		sum := space * float64(j-i-1)
		for _, w := range words[i:j] {
			sum += w.width
		}
		return sum
	}
	// narrow[k][j] is the width of the widest line when the first j words stand on k+1 lines; from is where the last starts.
	most := min(n, maxLines)
	narrow, from := make([][]float64, most), make([][]int, most)
	var out [][]line
	for k := range most {
		narrow[k], from[k] = make([]float64, n+1), make([]int, n+1)
		for j := 1; j <= n; j++ {
			narrow[k][j] = width(0, j)
			for i := k; k > 0 && i < j; i++ {
				if v := math.Max(narrow[k-1][i], width(i, j)); i == k || v < narrow[k][j] {
					narrow[k][j], from[k][j] = v, i
				}
			}
		}
		lines := make([]line, k+1)
		for i, end := k, n; i >= 0; i-- {
			start := from[i][end]
			lines[i] = newLine(words[start:end], width(start, end))
			end = start
		}
		out = append(out, lines)
	}
	return out
}

func newLine(words []word, width float64) line {
	l := line{words: words, width: width}
	for _, w := range words {
		l.top, l.bottom = math.Max(l.top, w.top), math.Max(l.bottom, w.bottom)
	}
	return l
}

package chat

import "strings"

// The assistant may end its answer with a project draft between these, as it is told in its instructions. The block is
// for us and not for the reader.
const (
	fenceOpen  = "```suggestion"
	fenceClose = "```"
)

// maxSuggestionBytes bounds a block; a longer one suggests nothing. The longest draft that is worth something has 5 kB.
const maxSuggestionBytes = 16 << 10

// fence takes the suggestion out of a text that comes in pieces, wherever the pieces were cut. White space before the
// block goes with it, so that the text does not end in empty lines.
type fence struct {
	held   string // may be the beginning of a block: white space, then a part of fenceOpen
	inside bool
	block  strings.Builder // what is in the block, and of its end what came so far
	last   string          // the contents of the last whole block
}

// take returns what of the text so far may be shown now.
func (f *fence) take(piece string) (visible string) {
	var out strings.Builder
	f.held += piece
	for {
		if f.inside {
			if !f.close() {
				return out.String()
			}
			continue
		}
		at := strings.Index(f.held, fenceOpen)
		if at < 0 {
			keep := undecided(f.held)
			out.WriteString(f.held[:len(f.held)-keep])
			f.held = f.held[len(f.held)-keep:]
			return out.String()
		}
		out.WriteString(strings.TrimRight(f.held[:at], blanks))
		f.held, f.inside = f.held[at+len(fenceOpen):], true
		f.block.Reset()
	}
}

// close looks for the end of the block in what is held. It is false when more has to come.
func (f *fence) close() bool {
	f.block.WriteString(f.held)
	f.held = ""
	content := f.block.String()
	inner, rest, closed := strings.Cut(content, fenceClose)
	if !closed {
		if f.block.Len() > maxSuggestionBytes {
			f.block.Reset()
			f.block.WriteString(content[len(content)-len(fenceClose):]) // in which the end may have begun
		}
		return false
	}
	f.last, f.held, f.inside = inner, rest, false
	return true
}

// finish returns what was held back and is no block after all.
func (f *fence) finish() (visible string) {
	if f.inside { // the vendor stopped before the end
		f.last = f.block.String()
		return ""
	}
	visible, f.held = strings.TrimRight(f.held, blanks), ""
	return visible
}

const blanks = " \t\r\n"

// undecided is how many bytes at the end of s may turn out to belong to a block: a beginning of fenceOpen, and the white
// space before it.
func undecided(s string) int {
	keep := 0
	for n := min(len(s), len(fenceOpen)-1); n > 0; n-- {
		if strings.HasSuffix(s, fenceOpen[:n]) {
			keep = n
			break
		}
	}
	return len(s) - len(strings.TrimRight(s[:len(s)-keep], blanks))
}

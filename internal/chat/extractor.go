package chat

import "strings"

// The assistant may end its answer with a project draft between these, as it is told in its instructions. The block is
// for us and not for the reader.
const (
	suggestionOpen  = "```suggestion"
	suggestionClose = "```"
)

// maxSuggestionBytes bounds a block; a longer one suggests nothing. The longest draft that is worth something has 5 kB.
const maxSuggestionBytes = 16 << 10

// extractor takes the suggestion out of a text that comes in pieces, wherever the pieces were cut. White space before the
// block goes with it, so that the text does not end in empty lines. The zero value is ready.
type extractor struct {
	undecided string // may be the beginning of a block: white space, then a part of suggestionOpen
	inside    bool
	current   strings.Builder // what is in the current block, and of its end what came so far
	block     string          // the contents of the last whole block
}

// take returns the part of the text so far that may be shown now.
func (e *extractor) take(piece string) (visible string) {
	var out strings.Builder
	e.undecided += piece
	for {
		if e.inside {
			if !e.close() {
				return out.String()
			}
			continue
		}
		at := strings.Index(e.undecided, suggestionOpen)
		if at < 0 {
			keep := undecidedBytes(e.undecided)
			out.WriteString(e.undecided[:len(e.undecided)-keep])
			e.undecided = e.undecided[len(e.undecided)-keep:]
			return out.String()
		}
		out.WriteString(strings.TrimRight(e.undecided[:at], blanks))
		e.undecided, e.inside = e.undecided[at+len(suggestionOpen):], true
		e.current.Reset()
	}
}

// close looks for the end of the block in what came so far. It is false when more has to come.
func (e *extractor) close() bool {
	e.current.WriteString(e.undecided)
	e.undecided = ""
	content := e.current.String()
	inner, rest, closed := strings.Cut(content, suggestionClose)
	if !closed {
		if e.current.Len() > maxSuggestionBytes {
			e.current.Reset()
			e.current.WriteString(content[len(content)-len(suggestionClose):]) // in which the end may have begun
		}
		return false
	}
	e.block, e.undecided, e.inside = inner, rest, false
	return true
}

// finish returns what was kept back and is no block after all. It may be called again.
func (e *extractor) finish() (visible string) {
	if e.inside { // the vendor stopped before the end
		e.block = e.current.String()
		return ""
	}
	visible, e.undecided = strings.TrimRight(e.undecided, blanks), ""
	return visible
}

const blanks = " \t\r\n"

// undecidedBytes is how many bytes at the end of s may turn out to belong to a block: a beginning of suggestionOpen, and the white
// space before it.
func undecidedBytes(s string) int {
	keep := 0
	for n := min(len(s), len(suggestionOpen)-1); n > 0; n-- {
		if strings.HasSuffix(s, suggestionOpen[:n]) {
			keep = n
			break
		}
	}
	return len(s) - len(strings.TrimRight(s[:len(s)-keep], blanks))
}

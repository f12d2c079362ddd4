package edge

import "net/http"

const headerRequestID = "X-Request-Id"

// requestID takes the client's id when it is harmless in a log and in a header, and makes one otherwise.
func (e *Edge) requestID(r *http.Request) string {
	if ids := r.Header[headerRequestID]; len(ids) == 1 && isSaneID(ids[0]) {
		return ids[0]
	}
	return e.cfg.NewID().String()
}

// isSaneID accepts 1 to 64 of A-Z a-z 0-9 . _ - as the spec says.
func isSaneID(id string) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

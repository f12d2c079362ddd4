package contract_test

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
)

// forge gives a call that takes a cursor one that was made up: of any length and list, with the checksum that cursors had
// once, or one of ours with another character. It reports whether it did.
func (m *maker) forge(c *call) bool {
	takes := false
	for _, ref := range c.op.params {
		takes = takes || ref.Value.Name == "cursor"
	}
	if !takes {
		return false
	}
	raw := []byte{"cpqjshmna?"[m.IntN(10)]}
	for range []int{4, 8, 16, 24, 24, 28, 32, 40, m.IntN(150)}[m.IntN(9)] {
		raw = append(raw, []byte{0, 0xff, 0x7f, 0x80, byte(m.IntN(256))}[m.IntN(5)])
	}
	if m.often(50) {
		raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	}
	cursor := base64.RawURLEncoding.EncodeToString(raw)
	if ours := m.known["cursor"]; len(ours) > 0 && m.often(40) {
		changed := []byte(ours[m.IntN(len(ours))])
		at := m.IntN(len(changed))
		changed[at] = "AB"[min(1, int(changed[at]^'B'))] // another character than it was
		cursor = string(changed)
	}
	c.query.Set("cursor", cursor)
	c.forged = true
	return true
}

// QR codes on a terminal (RFC 8628 section 3.3.1).

package cli

import (
	"strings"

	"rsc.io/qr"
)

// qrCode draws a text as a QR code of half blocks, "" if it does not fit: light on
// dark, with the quiet zone that readers need.
func qrCode(text string) string {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return ""
	}
	const quiet = 2
	light := func(x, y int) bool {
		return x < 0 || y < 0 || x >= code.Size || y >= code.Size || !code.Black(x, y)
	}
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b.WriteString("  ")
		for x := -quiet; x < code.Size+quiet; x++ {
			b.WriteRune(halfBlocks[[2]bool{light(x, y), light(x, y+1)}])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// halfBlocks are two modules one above the other, by whether they are light.
var halfBlocks = map[[2]bool]rune{{true, true}: '█', {true, false}: '▀', {false, true}: '▄', {false, false}: ' '}

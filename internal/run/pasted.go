// What a person types or pastes while a command waits for something else.

package run

import (
	"context"
	"io"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/oidc-client/oidc-client/internal/limit"
)

// Pasted returns the texts that a person pastes or types on standard input while a command waits. A text
// ends with a line break that nothing follows for a moment, or with the input, so that a text that was
// broken into lines stays one. On a terminal it can have any length: terminals cut lines at 1,024 or 4,096
// characters, so they are not read line by line. stop gives the terminal back as it was, and has to be
// called; texts is nil if a flag reads standard input.
func (r *Run) Pasted(ctx context.Context) (texts <-chan string, stop func()) {
	if !r.Input.Free() {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	KeepRunning() // a program in the background that reads from its terminal is stopped otherwise
	chunks, out, restore := make(chan []byte), make(chan string), func() {}
	var edit *editor
	if f, ok := r.Env.Stdin.(*os.File); ok {
		if back, ok := readUnedited(f); ok {
			restore = sync.OnceFunc(back)
			edit = &editor{echo: r.echo()}
			context.AfterFunc(ctx, restore) // at once, whatever the command does after Ctrl-C
		}
	}
	go readChunks(ctx, r.Env.Stdin, chunks)
	go assemble(ctx, chunks, out, edit)
	return out, func() {
		cancel()
		restore()
	}
}

// echo is where the editor shows what is typed: the terminal itself, since standard error may be a file.
func (r *Run) echo() io.Writer {
	if r.Env.Console == nil {
		return io.Discard
	}
	console, err := r.Env.Console()
	if err != nil {
		return io.Discard
	}
	return console // until the process ends
}

// readChunks hands over what is read, as it comes, until the input ends.
func readChunks(ctx context.Context, in io.Reader, chunks chan<- []byte) {
	defer close(chunks)
	for {
		buffer := make([]byte, 32<<10)
		n, err := in.Read(buffer)
		if n > 0 {
			select {
			case chunks <- buffer[:n]:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// assemble makes texts of chunks. edit is nil if the input is no terminal that is read unedited.
func assemble(ctx context.Context, chunks <-chan []byte, texts chan<- string, edit *editor) {
	defer close(texts)
	var text []byte
	deliver := func() bool {
		whole := string(text)
		text = nil
		if whole == "" {
			return true
		}
		select {
		case texts <- whole:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for {
		var quiet <-chan time.Time
		if n := len(text); n > 0 && text[n-1] == '\n' {
			quiet = time.After(limit.PasteQuiet)
		}
		select {
		case <-quiet:
			if !deliver() {
				return
			}
		case <-ctx.Done():
			return
		case chunk, ok := <-chunks:
			ended := !ok
			if edit != nil {
				text, ended = edit.apply(text, chunk)
				ended = ended || !ok
			} else {
				text = append(text, chunk...)
			}
			if len(text) > limit.Form { // no response is longer
				text = append(text[:limit.Form], '\n')
			}
			if ended {
				deliver()
				return
			}
		}
	}
}

// An editor does what a terminal does with what is typed, where the terminal is not to do it: it echoes,
// and erases.
type editor struct {
	echo   io.Writer
	escape bool // in the middle of an escape sequence
}

// The keys of a terminal.
const (
	keyEnd    = 0x04 // Ctrl-D
	keyErase  = 0x08
	keyKill   = 0x15 // Ctrl-U
	keyEscape = 0x1b
	keyDelete = 0x7f
)

// apply adds what was typed to a text. ended reports that the person ended the input.
func (e *editor) apply(text, typed []byte) (_ []byte, ended bool) {
	var shown []byte
	defer func() { _, _ = e.echo.Write(shown) }() // a terminal that is gone shows nothing
	for _, b := range typed {
		switch {
		case e.escape: // up to its last character, as a key such as an arrow sends it
			e.escape = b < '@' || b > '~' || b == '[' || b == 'O'
		case b == keyEscape:
			e.escape = true
		case b == keyEnd && (len(text) == 0 || text[len(text)-1] == '\n'):
			return text, true
		case b == keyErase, b == keyDelete:
			text, shown = erase(text, shown)
		case b == keyKill:
			for len(text) > 0 && text[len(text)-1] != '\n' {
				text, shown = erase(text, shown)
			}
		case b == '\r', b == '\n':
			text, shown = append(text, '\n'), append(shown, '\r', '\n')
		case b >= ' ' || b == '\t':
			text, shown = append(text, b), append(shown, b)
		}
	}
	return text, false
}

// erase takes the last character of the line from a text, and from what is shown.
func erase(text, shown []byte) (_, _ []byte) {
	if len(text) == 0 || text[len(text)-1] == '\n' {
		return text, shown
	}
	_, size := utf8.DecodeLastRune(text)
	return text[:len(text)-size], append(shown, '\b', ' ', '\b')
}

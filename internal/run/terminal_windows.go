package run

import (
	"io"
	"io/fs"
	"os"
	"os/exec"

	"golang.org/x/term"
)

func detach(*exec.Cmd) {}

// KeepRunning does nothing: no program is stopped for reading here.
func KeepRunning() {}

// isNull reports whether a file is NUL. Windows has no more to tell of it than that it is a device,
// as a console is.
func isNull(f *os.File, info fs.FileInfo) bool {
	return info.Mode()&fs.ModeCharDevice != 0 && !term.IsTerminal(int(f.Fd()))
}

// openConsole opens the terminal of the process, for writing.
func openConsole() (io.WriteCloser, error) { return os.OpenFile("CONOUT$", os.O_WRONLY, 0) }

// Package place says where sessions and the agent are, and whose they are. It
// imports little, since the smallest of the programs starts with it.
package place

import (
	"hash/fnv"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// Sessions is the folder of sessions: OIDC_SESSIONS, or a folder of the user's
// (XDG Base Directory Specification); "" if neither is known.
func Sessions(getenv func(string) string) string {
	if folder := getenv("OIDC_SESSIONS"); folder != "" {
		if here, err := os.Getwd(); err == nil && !filepath.IsAbs(folder) {
			return filepath.Join(here, folder)
		}
		return folder
	}
	if base := Base(getenv, "XDG_STATE_HOME", ".local/state", "LocalAppData"); base != "" {
		return filepath.Join(base, "oidc-client", "sessions")
	}
	return ""
}

// Base is a folder of the user's for files of one kind, "" if none is known: what
// the variable xdg of the XDG Base Directory Specification names, or else its
// usual place in HOME. On Windows the variable that the system sets comes before
// HOME, which git and its shell set and others do not: all of them have to find
// the same files.
func Base(getenv func(string) string, xdg, inHome, onWindows string) string {
	folders := []string{getenv(xdg), filepath.Join(getenv("HOME"), inHome), getenv(onWindows)}
	if runtime.GOOS == "windows" {
		folders[1], folders[2] = folders[2], folders[1]
	}
	for _, folder := range folders {
		if filepath.IsAbs(folder) {
			return folder
		}
	}
	return ""
}

// FolderHeader is the header that tells an agent which folder of sessions is
// meant, by its [FolderID]: an agent of another folder has other sessions,
// perhaps of the same names.
const FolderHeader = "Sessions-Folder"

// FolderID identifies a folder to the agent.
func FolderID(folder string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(filepath.ToSlash(filepath.Clean(folder))))
	id := strconv.FormatUint(h.Sum64(), 16)
	return "0000000000000000"[len(id):] + id
}

// Agent is where the agent listens: OIDC_AGENT_SOCK, or a place of the user's;
// "" if neither is known. It is a UNIX socket, or a named pipe on Windows.
func Agent(getenv func(string) string) string {
	if socket := getenv("OIDC_AGENT_SOCK"); socket != "" {
		return socket
	}
	return usualAgent(getenv)
}

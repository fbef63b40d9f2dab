// Package place says where sessions and the agent are, and whose they are. It
// imports little, since the smallest of the programs starts with it.
package place

import (
	"hash/fnv"
	"os"
	"path/filepath"
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
	for _, base := range [][]string{
		{getenv("XDG_STATE_HOME")},
		{getenv("HOME"), ".local", "state"},
		{getenv("LocalAppData")},
	} {
		if filepath.IsAbs(base[0]) {
			return filepath.Join(append(base, "oidc-client", "sessions")...)
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

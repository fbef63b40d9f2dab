package cli

import (
	"os"
	"path/filepath"
)

// hasKeyring reports whether there is a bus that a keyring could be on. Looking for one
// without would start one.
func hasKeyring(getenv func(string) string) bool {
	if address := getenv("DBUS_SESSION_BUS_ADDRESS"); address != "" {
		return address != "autolaunch:"
	}
	_, err := os.Stat(filepath.Join(getenv("XDG_RUNTIME_DIR"), "bus"))
	return getenv("XDG_RUNTIME_DIR") != "" && err == nil
}

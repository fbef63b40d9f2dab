// The result files of -o.

package keep

import (
	"path/filepath"

	"github.com/oidc-client/oidc-client/internal/durable"
	"github.com/oidc-client/oidc-client/internal/failure"
	"github.com/oidc-client/oidc-client/internal/run"
)

// resultFiles are the files that -o writes.
var resultFiles = []string{
	"access_token_resp.json", "id_token.json", "userinfo.json", "access_token.json", "refresh_token.json",
}

// ProbeOutput makes sure that the result files can be written, if they are asked for.
func ProbeOutput(r *run.Run) error {
	if !r.Options.Output {
		return nil
	}
	for _, name := range resultFiles {
		path := filepath.Join(r.Options.OutputDir, name)
		durable.Sweep(path, durable.Leftover)
		probe, err := durable.ReserveNew(path)
		if err == nil {
			err = probe.Discard()
		}
		if err != nil {
			return failure.Config("--output-dir: a result could not be written, so nothing was sent: %v", err).
				Try("--output-dir has to be a folder that can be written to")
		}
	}
	return nil
}

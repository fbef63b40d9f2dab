// Package fault is a development provider that does something wrong on purpose, to see
// what a relying party makes of it.
//
// [Start] puts a layer in front of a [provider.Provider]. That provider stays correct:
// the layer changes whole responses and requests on their way, and signs again what it
// has changed. [Faults] is the catalogue of what can be wrong, one small function each.
// The layer also keeps what a relying party asks for, and [Provider.Judge] says from
// that whether it did what a correct one does.
package fault

import (
	"net/http"

	"github.com/oidc-client/oidc-client/internal/provider"
)

// Options say what a provider is like, and what it does wrong.
type Options struct {
	provider.Options

	Faults []string // names of Faults
	Record bool     // keep requests for [Provider.Recorded]
}

// A Provider is a running provider that can misbehave.
type Provider struct {
	*provider.Provider

	options Options
	watch   watch
	record  record
}

// Start starts a provider with faults. It runs until Close.
func Start(o Options) (*Provider, error) {
	p := &Provider{options: o}
	if err := p.Misbehave(o.Faults...); err != nil {
		return nil, err
	}
	if o.HTTPClient == nil {
		o.HTTPClient = provider.NewHTTPClient()
	}
	calls := *o.HTTPClient
	calls.Transport = &callTransport{p, calls.Transport}
	o.HTTPClient = &calls
	o.Registration = o.Registration || p.watch.has("registration")
	o.Options.Faults = p.activeFaults
	o.Middleware = func(op *provider.Provider, next http.Handler) http.Handler {
		p.Provider = op
		return p.recorded(p.faulty(next))
	}
	if _, err := provider.Start(o.Options); err != nil {
		return nil, err
	}
	return p, nil
}

// activeFaults returns the names and texts of the faults that are on, for the start page.
func (p *Provider) activeFaults() [][2]string {
	p.watch.mu.Lock()
	defer p.watch.mu.Unlock()
	var list [][2]string
	for _, f := range p.watch.faults {
		list = append(list, [2]string{f.Name, f.Text})
	}
	return list
}

// report tells the owner of the provider that a fault could not be done.
func (p *Provider) report(r *http.Request, err error) {
	if p.options.OnError != nil {
		p.options.OnError(r.URL.Path, err)
	}
}

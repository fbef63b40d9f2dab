// The layer that applies faults to responses. The catalogue itself is in the files that
// are named for what is wrong.

package fault

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/oidc-client/oidc-client/internal/provider"
)

// A Fault is one thing that the provider does wrong. All else stays right: what
// is tampered with is signed again.
type Fault struct {
	Name string `json:"name"` // such as "id-token-iss-wrong"; never renamed
	Text string `json:"text"` // what the provider does
	At   string `json:"at"`   // the endpoint in whose response it can be seen

	// Breaks are the ids of what a relying party rejects it for: rules of
	// `oidc-client help rules`, or a reason of `oidc-client help reasons`.
	Breaks []string `json:"breaks,omitempty"`
	Rows   []string `json:"-"` // of the project's ledger of attacks and tests, for its own tests

	// By is the command of oidc-client that meets the fault, "" for
	// refresh-token. Other relying parties have to do the same.
	By string `json:"by,omitempty"`

	// Accept says that a correct relying party tolerates it.
	Accept bool `json:"accept"`
	// Level says how binding that is, or that it stops, and Source is the standard's section.
	Level  Level  `json:"level"`
	Source string `json:"source"`
	// Unseen says that what the relying party does next does not tell whether
	// it noticed.
	Unseen bool `json:"-"`

	// More is how often a correct relying party may ask the endpoint again.
	More int `json:"more,omitempty"`

	// Config is what the relying party has to demand for the fault to matter,
	// as lines of oidc-client's configuration.
	Config string `json:"config,omitempty"`
	// Previous says that the relying party has to compare with the ID Token
	// before the refresh. The first ID Token of the provider is right then.
	Previous bool `json:"previous_id_token,omitempty"`

	spoil   map[string]func(*answer) // by endpoint
	instead bool                     // at times the fault answers itself, and the provider behind is not asked

	// demands reports whether a request is one that the fault demands something of. It then shows in
	// the response, whether or not the request has that. nil means that it demands nothing.
	demands func(*answer) bool
}

// Right says what a correct relying party does.
func (f Fault) Right() string {
	if f.Accept {
		return "goes on"
	}
	return stops[f.At].right
}

// Faults returns the catalogue, in the order of the endpoints.
func Faults() []Fault { return slices.Clone(catalogue()) }

var catalogue = sync.OnceValue(func() []Fault {
	return leveled(slices.Concat(
		metadataFaults(), acceptedMetadataFaults(), keysFaults(),
		authorizationFaults(), responseModeFaults(), statelessFaults(), pushedFaults(), deviceFaults(),
		deviceSpellingFaults(), cibaFaults(), demandFaults(),
		responseFaults(), grantFaults(), hybridFaults(),
		tokenFaults(), encryptionAgreedFaults(), encryptionFaults(), userInfoEncryptionFaults(), sealedFaults(),
		dpopFaults(), userInfoFaults(), introspectionFaults(), revocationFaults(),
		logoutFaults(), registrationFaults(), managedRegistrationFaults(),
		registeredMetadataFaults(), resourceFaults(), oddityFaults(), transportFaults()))
})

// Demand registers a client for what a relying party demands, as lines of
// oidc-client's configuration: keys to encrypt for, and where it is called.
func Demand(c *provider.Client, config, jwks string) {
	const alg = "RSA-OAEP-256"
	if strings.Contains(config, "jwt_signing_alg: HS") {
		c.AuthMethod = "client_secret_jwt"
	}
	for key, to := range map[string]*string{
		"token_encryption_alg":                 &c.IDTokenEncryptionAlg,
		"authorization_encrypted_response_alg": &c.AuthorizationEncryptionAlg,
		"introspection_encrypted_response_alg": &c.IntrospectionEncryptionAlg,
	} {
		if strings.Contains(config, key+": ") && jwks != "" {
			*to, c.JWKS = alg, jwks
		}
	}
}

// Misbehave makes the provider do these faults from now on, and no others.
func (p *Provider) Misbehave(names ...string) error {
	var faults []Fault
	for _, name := range names {
		i := slices.IndexFunc(catalogue(), func(f Fault) bool { return f.Name == name })
		if i < 0 {
			return fmt.Errorf("there is no fault %q: docs/faults.md lists them", name)
		}
		faults = append(faults, catalogue()[i])
	}
	p.watch.begin(faults)
	return nil
}

// endpointName returns the name of the endpoint at a path, "" if there is none.
func endpointName(path string) string {
	if path == baitPath {
		return "bait"
	}
	return provider.EndpointName(path)
}

// baitPath is where redirects and headers of tokens lead that nobody should
// follow.
const baitPath = "/bait"

// An answer is what the provider is about to say.
type answer struct {
	op      *Provider
	request *http.Request

	status int
	header http.Header
	body   []byte
	send   func(http.ResponseWriter) // says it instead, if set
	plain  bool                      // neither to be encrypted nor to be signed, which is the fault
	locked bool                      // encrypted by the fault: the provider does not encrypt it again
	client string                    // whose tokens it holds, "" if that is not known
}

// Header, Write and WriteHeader take the answer of the handler behind.
func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) { a.status = status }

func (a *answer) Write(p []byte) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}

// response returns the answer as the provider knows it. They share the header.
func (a *answer) response() *provider.Response {
	return &provider.Response{Request: a.request, Status: a.status, Header: a.header, Body: a.body}
}

// faulty spoils the answers of next, and has the provider encrypt them.
func (p *Provider) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer p.watch.enter()()
		name := endpointName(r.URL.Path)
		if name == "bait" {
			p.watch.saw(Request{Endpoint: name, Method: r.Method}, "")
			_, _ = w.Write(p.bait())
			return
		}
		p.watch.restore(r)
		a := &answer{op: p, request: r, status: http.StatusOK, header: http.Header{}}
		seen := Request{Endpoint: name, Method: r.Method, Faults: a.spoilt(name, true)}
		if seen.Faults == nil {
			next.ServeHTTP(a, r)
			a.client = p.ClientOf(a.response())
			p.watch.issue(a)
			seen.Faults = append(a.demanded(name), a.spoilt(name, false)...)
		}
		if !a.plain && !a.locked {
			res := a.response()
			p.Encrypt(res, a.client)
			a.body = res.Body
		}
		if a.send == nil {
			seen.Status = a.status
		}
		p.watch.saw(seen, r.URL.Path)
		a.deliver(w)
	})
}

// spoilt applies the faults of an endpoint, and names those that something came of.
// instead chooses those that answer themselves, or the others.
func (a *answer) spoilt(endpoint string, instead bool) (names []string) {
	for _, f := range a.op.watch.at(endpoint) {
		if f.instead == instead && a.spoil(f.spoil[endpoint]) {
			names = append(names, f.Name)
		}
	}
	return names
}

// demanded names the faults of an endpoint whose demands a request has met. A request that the provider
// itself refused does not count.
func (a *answer) demanded(endpoint string) (names []string) {
	for _, f := range a.op.watch.at(endpoint) {
		if f.demands != nil && f.At == endpoint && a.ok() && f.demands(a) {
			names = append(names, f.Name)
		}
	}
	return names
}

// spoil applies a fault, and reports whether anything came of it: a refusal has
// no tokens to spoil.
func (a *answer) spoil(fault func(*answer)) bool {
	status, body, header := a.status, slices.Clone(a.body), a.header.Clone()
	fault(a)
	return a.send != nil || a.status != status || !bytes.Equal(a.body, body) ||
		!maps.EqualFunc(a.header, header, slices.Equal) || a.plain && a.status < http.StatusBadRequest
}

func (a *answer) deliver(w http.ResponseWriter) {
	if a.send != nil {
		a.send(w)
		return
	}
	a.response().Send(w)
}

// ok reports whether there is an answer worth spoiling: a refusal is left as
// it is.
func (a *answer) ok() bool { return a.status/100 == 2 }

// edit changes the members of a JSON object.
func (a *answer) edit(change func(map[string]any)) {
	m, ok := object(a.body)
	if !ok || !a.ok() {
		return
	}
	change(m)
	a.body = encode(m)
}

// set sets one member, or takes it out if value is nil.
func set(name string, value any) func(map[string]any) {
	return func(m map[string]any) {
		if value == nil {
			delete(m, name)
			return
		}
		m[name] = value
	}
}

// object reads a JSON object and keeps its numbers as they are.
func object(data []byte) (map[string]any, bool) { return provider.DecodeObject(data) }

// encode writes JSON.
func encode(v any) []byte { return provider.EncodeJSON(v) }

// at makes the map of a fault that spoils one endpoint's answer.
func at(endpoint string, spoil func(*answer)) map[string]func(*answer) {
	return map[string]func(*answer){endpoint: spoil}
}

// Registration by the program (RFC 7591, RFC 7592) at npm oidc-provider: the file
// that it writes has to be all that is needed to log in.

package test

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A registering is one way to register.
type registering struct {
	flow, auth, bound string
	metadata          string   // what there is no flag for
	flags             []string // of the login
	initial           bool     // the provider asks for an initial access token
}

const registerFlow = "register, log in, read, update, delete"

func registerings() []registering {
	list := []registering{
		{auth: "none"},
		{
			auth: "private_key_jwt ES256", bound: "DPoP",
			metadata: `,"token_endpoint_auth_signing_alg":"ES256","dpop_bound_access_tokens":true,"id_token_signed_response_alg":"EdDSA"`, flags: []string{"--dpop", "--dpop-key", "FOLDER/dpop.json"},
		},
		{
			flow: "register (initial access token), FAPI 2.0", auth: "private_key_jwt PS256", bound: "DPoP",
			initial:  true,
			metadata: `,"token_endpoint_auth_signing_alg":"PS256","dpop_bound_access_tokens":true,"id_token_signed_response_alg":"PS256"`,
			flags:    []string{"--profile", "fapi2", "--dpop-key", "FOLDER/dpop.json"},
		},
	}
	for _, method := range []string{"client_secret_basic", "client_secret_post", "client_secret_jwt"} {
		more := ""
		if method == "client_secret_jwt" {
			more = `,"token_endpoint_auth_signing_alg":"HS256"`
		}
		list = append(list,
			registering{auth: method, metadata: more},
			registering{
				flow: "register, method by --metadata", auth: method,
				metadata: more + `,"token_endpoint_auth_method":"` + method + `"`,
			})
	}
	for i, r := range list {
		list[i].flow, list[i].bound = orElse(r.flow, registerFlow), orElse(r.bound, "none")
	}
	slices.SortStableFunc(list, func(a, b registering) int { return strings.Compare(b.flow, a.flow) })
	return list
}

func TestMatrixRegister(t *testing.T) {
	t.Parallel()
	open, closed := startEverything(t), startFAPI(t)
	var cells []*cell
	for _, r := range registerings() {
		s := open
		if r.initial {
			s = closed
		}
		c := &cell{Flow: r.flow, Auth: r.auth, Bound: r.bound, try: func(j *journey) { j.register(s, r) }}
		cells = append(cells, c)
	}
	runCells(t, cells)
}

// command runs a command that takes what it needs from its flags, and the CA from
// the environment.
func (j *journey) command(s *everything, stdin string, args ...string) *ran {
	j.t.Helper()
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "FOLDER", j.folder)
	}
	return j.runWith(j.t.Context(), map[string]string{"OIDC_CA_CERT": s.file("ca.pem")}, io.Discard, stdin, args...)
}

// done is command, which has to end with 0.
func (j *journey) done(s *everything, stdin string, args ...string) *ran {
	j.t.Helper()
	r := j.command(s, stdin, args...)
	if r.code != 0 {
		j.fatalf("%s\n%s", r, refusalsOf(r.requests))
	}
	return r
}

func (j *journey) register(s *everything, r registering) {
	j.browser = s.browser("alice")
	out := filepath.Join(j.folder, "client.yaml")
	created := j.create(s, r, out)
	login := j.tokens(j.done(s, "", append([]string{"client", "-c", out, "-p", "0", "--par"}, r.flags...)...))
	if login.UserInfo["sub"] != "alice" {
		j.errorf("UserInfo: %v", login.UserInfo)
	}
	j.managed(s, out+".registration.json", created)
	for _, refused := range []*ran{
		j.command(s, "", append([]string{"client", "-c", out, "-p", "0", "--par"}, r.flags...)...),
		j.command(s, login.text("refresh_token"),
			append([]string{"refresh-token", "-c", out, "--refresh-token", "-"}, r.flags...)...),
	} {
		j.hold(refused, fmt.Sprintf("exit %d %+v", refused.code, refused.Error),
			refused.code == 3 && refused.Error != nil && refused.Error.Code == "invalid_client")
	}
}

// create registers the client.
func (j *journey) create(s *everything, r registering, out string) *ran {
	method, alg, _ := strings.Cut(r.auth, " ")
	args := []string{
		"register", "create", "--issuer", s.Issuer, "--client-name", "A tool", "--redirect-uri",
		"http://127.0.0.1/auth/callback", "--out", out,
		"--metadata", j.write("metadata", `{"application_type":"native"`+r.metadata+`}`),
	}
	if !strings.Contains(r.metadata, "token_endpoint_auth_method") {
		args = append(args, "--auth-method", method)
	}
	key := newKeyPair(j.t, orElse(alg, "ES256"))
	if alg != "" {
		args = append(args, "--pem-key", key.file(j.t, j.folder), "--mock-jwt-kid", key.ID)
	}
	if r.initial {
		refused := j.command(s, "", args...)
		j.hold(refused, fmt.Sprintf("without the token: exit %d %+v", refused.code, refused.Error), refused.code == 3)
		args = append(args, "--initial-access-token", j.write("initial", s.InitialToken))
	}
	created := j.done(s, "", args...)
	id, _ := created.Registration["client_id"].(string)
	secret, _ := created.Registration["client_secret"].(string)
	j.rp = &rawClient{provider: s, ID: id, Secret: secret, Signing: key}
	j.hold(created, fmt.Sprintf("%v", created.Registration),
		id != "" && created.Registration["client_name"] == "A tool" &&
			created.Registration["token_endpoint_auth_method"] == method)
	return created
}

func orElse(text, standard string) string {
	if text == "" {
		return standard
	}
	return text
}

// managed reads, changes and deletes a registration. The provider gives a new
// registration access token on a change, which the file has to hold afterwards.
func (j *journey) managed(s *everything, file string, created *ran) {
	read := j.done(s, "", "register", "read", "--registration", file)
	j.hold(read, "the client as it was registered", read.Registration["client_id"] == created.Registration["client_id"])
	change, err := json.Marshal(map[string]any{"client_name": "A better tool"})
	check(j.t, err)
	updated := j.done(s, "", "register", "update", "--registration", file, "--metadata",
		j.write("change", string(change)))
	j.hold(updated, fmt.Sprintf("%v", updated.Registration), updated.Registration["client_name"] == "A better tool" &&
		updated.Registration["registration_access_token"] != created.Registration["registration_access_token"])
	again := j.done(s, "", "register", "read", "--registration", file)
	j.hold(again, fmt.Sprintf("%v", again.Registration), again.Registration["client_name"] == "A better tool")
	j.done(s, "", "register", "delete", "--registration", file)
}

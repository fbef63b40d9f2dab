package cli

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oidc-client/oidc-client/internal/fakeop"
	"github.com/oidc-client/oidc-client/internal/run"
)

// asClient is a client at the provider of the stage.
const asClient = "--issuer $OP --client-id cli --client-secret $SECRET "

// scenes are a command line of each command that does what the command is for.
var scenes = map[string]string{
	"refresh-token":      asClient + "--refresh-token " + "old-refresh-token",
	"client":             asClient + "--port 0",
	"device":             asClient,
	"ciba":               asClient + "--login-hint alice",
	"client-credentials": asClient,
	"password":           asClient + "--username alice --password secret",
	"jwt-bearer":         asClient + "--assertion a.b.c",
	"saml2-bearer":       asClient + "--assertion <Assertion/>",
	"token-exchange":     asClient + "--subject-token t",
	"token-request":      asClient + "--grant urn:example:grant -p ticket=t",
	"userinfo":           "--issuer $OP --client-id cli --token t",
	"introspect":         asClient + "--token t",
	"revoke":             asClient + "--token t",
	"end-session":        "--issuer $OP --client-id cli --token $ID --port 0",
	"logout-receiver":    "--issuer $OP --client-id cli --listen 127.0.0.1:0 --count 1 --timeout 10s",
	"resource":           "$OP/resource " + asClient + "--token t --step-up --port 0",
	"discover":           "--issuer $OP",
	"register create":    "--issuer $OP --out $DIR/new.yaml",
	"register read":      "--registration $DIR/registration.json",
	"register update":    "--registration $DIR/registration.json --metadata @$DIR/body.json",
	"register delete":    "--registration $DIR/registration.json",
	"jwt decode":         "--token $ID",
	"jwt verify":         "--issuer $OP --client-id cli --token $ID",
	"jwt jwks":           "--pem-key $DIR/key.pem",
	"jwt keygen":         "--out $DIR/new.pem",
	"jwt profile":        "--issuer $OP --client-id cli --pem-key $DIR/key.pem",
	"jwt request":        "--issuer $OP --client-id cli --pem-key $DIR/key.pem",
	"config init":        "- --issuer $OP --client-id cli",
	"config validate":    asClient,
	"token":              "work --login --port 0 " + asClient,
	"exec":               "work -- true",
	"helper kubernetes":  "work --login --port 0 " + asClient,
	"helper git":         "work get --host git.example",
	"helper docker":      "work get",
	"helper aws":         "work --role-arn arn:aws:iam::1:role/dev --sts-endpoint $OP/sts",
	"sessions show":      "work",
	"sessions refresh":   "work",
	"sessions delete":    "work",
	"sessions logout":    "work",
	"agent":              "--socket $DIR/a.sock --timeout 50ms",
	"provider":           "-p 0 --timeout 50ms",
	"documentation":      "--dir $DIR/docs",
}

// stdins are what commands read that another program runs.
var stdins = map[string]string{
	"helper git":    "protocol=https\nhost=git.example\n\n",
	"helper docker": "https://registry.example",
}

// A proof shows what a flag does, by a scene without and one with it.
type proof struct {
	value string // of the flag; "" if it takes none, or if the scene has it
	scene string // instead of the command's
	drop  string // flags of the scene that neither has
	add   string // what both have beside it

	before func(*stage) // what happens first; nil makes the session that a scene is about
	secure bool         // the provider speaks TLS
	mutual bool         // and wants a certificate
	cached bool         // metadata and keys are cached
	person bool         // there is a terminal

	elsewhere string // what shows it instead: a test, or the rule that the flag is there by
}

// makeSession makes the session that scenes of sessions are about.
func makeSession(s *stage) {
	s.run("refresh-token "+asClient+"--refresh-token old-refresh-token --save work", "")
}

// ageSession makes one whose tokens have ended since.
func ageSession(s *stage) {
	makeSession(s)
	s.age(2 * time.Hour)
}

// loseSession makes one whose refresh token was refused since.
func loseSession(s *stage) {
	makeSession(s)
	refusal := fakeop.Says(http.StatusBadRequest, map[string]string{"Content-Type": "application/json"},
		`{"error":"invalid_grant"}`)
	end := s.says("/token", refusal)
	s.run("sessions refresh work", "")
	end()
	s.age(2 * time.Hour)
}

// signUserInfo has the provider sign UserInfo, for the client that is asked about.
func signUserInfo(s *stage) {
	s.says("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwt")
		_, _ = io.WriteString(w, s.filled("$ID"))
	})
}

// askForAge has the resource ask for a login that was just now, of whatever acr.
func askForAge(s *stage) {
	s.says("/resource",
		fakeop.Says(http.StatusUnauthorized,
			map[string]string{"WWW-Authenticate": `Bearer error="insufficient_user_authentication", max_age="5"`}, ""))
}

// before runs a command line first.
func before(line string) func(*stage) { return func(s *stage) { s.run(line, "") } }

const (
	everyCommandHasIt = "section 2 of the contract: every command has it"
	ofTheProvider     = "TestProviderFlags"
	makesAssertion    = "--subject alice --pem-key $DIR/key.pem"
)

// proofs are for each flag, or "command --flag" where the scene asks for another.
var proofs = map[string]proof{
	"--help":          {elsewhere: everyCommandHasIt},
	"--format":        {elsewhere: everyCommandHasIt},
	"--jq":            {value: ".command"},
	"--no-color":      {elsewhere: everyCommandHasIt},
	"--timeout":       {elsewhere: everyCommandHasIt},
	"--show-secrets":  {elsewhere: everyCommandHasIt},
	"--report":        {elsewhere: "TestReportOfEveryCommand"},
	"--debug":         {elsewhere: "TestFlagsOfEveryCommand"},
	"--explain":       {elsewhere: "TestFlagsOfEveryCommand"},
	"--skip-userinfo": {elsewhere: "TestFlagsOfEveryCommand"},
	"--output":        {elsewhere: "TestFlagsOfEveryCommand"},
	"--output-dir":    {elsewhere: "TestFlagsOfEveryCommand"},

	// The configuration.
	"--config":        {value: "$DIR/config.yaml", drop: "issuer client-id client-secret"},
	"--issuer":        {},
	"--client-id":     {},
	"--client-secret": {},
	"--auth-method":   {value: "client_secret_post"},
	"--ca-cert":       {value: "$DIR/ca.pem", secure: true},
	"--pem-cert": {
		value: "$DIR/client.pem", add: "--pem-key $DIR/key.pem --ca-cert $DIR/ca.pem --timeout 10s", secure: true,
		mutual: true,
	},
	"--pem-key":                            {value: "$DIR/key.pem", add: "--pem-cert $DIR/client.pem"},
	"--mock-jwt-kid":                       {value: "mine", drop: "client-secret", add: "--pem-key $DIR/key.pem"},
	"--client-assertion-audience":          {value: "mine", drop: "client-secret", add: "--pem-key $DIR/key.pem"},
	"--client-assertion-endpoint-audience": {drop: "client-secret", add: "--pem-key $DIR/key.pem"},
	"--client-assertion-alg":               {value: "ES384", drop: "client-secret", add: "--pem-key $DIR/key.pem"},
	"--client-assertion-kid":               {value: "mine", drop: "client-secret", add: "--pem-key $DIR/key.pem"},
	"--client-assertion-typ":               {value: "mine", drop: "client-secret", add: "--pem-key $DIR/key.pem"},
	"--client-assertion-certificate": {
		value: "x5t#S256", drop: "client-secret",
		add: "--auth-method private_key_jwt --pem-key $DIR/key.pem --pem-cert $DIR/client.pem",
	},
	"--client-assertion-file":   {value: "$DIR/assertion.jwt", drop: "client-secret"},
	"--client-assertion-env":    {value: "ASSERTION", drop: "client-secret"},
	"--client-assertion-github": {drop: "client-secret"},
	"--no-cache":                {cached: true},
	"--waive":                   {value: "discovery.issuer"},
	"--profile":                 {value: "fapi2"},
	"--dpop":                    {},
	"--dpop-key":                {value: "$DIR/key.pem"},
	"--scope":                   {value: "mine"},
	"--resource":                {value: "https://mine.example"},
	"--audience":                {value: "mine"},

	// A login.
	"--max-age":               {value: "5", add: "--explain=all"},
	"--acr-values":            {value: "mine"},
	"--claims":                {value: `{"userinfo":{"mine":null}}`},
	"--authorization-details": {value: `[{"type":"mine"}]`},
	"--par":                   {},
	"--request-object":        {add: "--pem-key $DIR/key.pem"},
	"--response-type":         {value: "id_token", add: "--timeout 10s"},
	"--response-mode":         {value: "form_post", add: "--timeout 10s"},
	"--prompt":                {value: "login"},
	"--login-hint":            {value: "mine"},
	"--param":                 {value: "mine=1"},
	"--port":                  {value: "70000"},
	"--localhost":             {},
	"--no-browser":            {add: "--timeout 10s"},
	"--browser":               {value: "mine"},
	"--keep-running":          {add: "--timeout 10s"},
	"--fake-pkce-verifier":    {add: "--mock-code-verifier " + mine},
	"--mock-nonce":            {value: mine},
	"--mock-state":            {value: mine},
	"--mock-code-verifier":    {value: mine},

	// Tokens.
	"--skip-id-token-verification": {},
	"--save":                       {value: "mine"},
	"--in-memory":                  {add: "--save mine"},
	"--replace":                    {add: "--save work --scope other", before: makeSession},
	"--token":                      {},
	"--session":                    {value: "work", drop: "issuer client-id client-secret token", before: makeSession},
	"--token-type-hint":            {value: "access_token"},
	"--id-token":                   {},
	"--valid-for":                  {value: "1000h"},
	"--refresh-token":              {},
	"--previous-id-token":          {value: "$ID", add: "--explain=all"},
	"--username":                   {},
	"--password":                   {},
	"--grant":                      {value: "urn:example:other", drop: "grant"},
	"--assertion":                  {},
	"--assertion-audience":         {value: "mine", drop: "assertion", add: makesAssertion},
	"--assertion-issuer":           {value: "mine", drop: "assertion", add: makesAssertion},
	"--assertion-lifetime":         {value: "1m", drop: "assertion", add: makesAssertion},
	"--subject":                    {value: "alice", drop: "assertion", add: "--pem-key $DIR/key.pem"},
	"--subject-token":              {},
	"--subject-token-type":         {value: "jwt"},
	"--actor-token":                {value: "mine"},
	"--actor-token-type":           {value: "jwt", add: "--actor-token mine"},
	"--requested-token-type":       {value: "jwt"},
	"--open":                       {},
	"--no-qr":                      {person: true},
	"--binding-message":            {value: "mine"},
	"--login-hint-token":           {value: "mine", drop: "login-hint"},
	"--id-token-hint":              {value: "$ID", drop: "login-hint"},
	"--user-code":                  {value: "mine"},
	"--requested-expiry":           {value: "5s"},
	"--ping":                       {value: "127.0.0.1:0", add: "--timeout 10s"},

	// What is done with them.
	"--signed":                               {},
	"--logout-hint":                          {value: "mine"},
	"--no-redirect":                          {},
	"--count":                                {value: "2"},
	"--listen":                               {value: "mine"},
	"--data":                                 {value: "mine"},
	"--header":                               {value: "X-Mine:mine"},
	"--request":                              {value: "PUT"},
	"--step-up":                              {},
	"--metadata":                             {value: "@$DIR/body.json"},
	"--retry":                                {before: loseSession},
	"--env":                                  {value: "MINE"},
	"--file":                                 {},
	"--host":                                 {},
	"--duration":                             {value: "20m"},
	"--region":                               {elsewhere: "TestSTSEndpoint"},
	"--role-arn":                             {},
	"--role-session-name":                    {value: "mine"},
	"--sts-endpoint":                         {value: "$OP/other"},
	"--socket":                               {value: "$DIR/b.sock"},
	"end-session --post-logout-redirect-uri": {value: "https://mine.example/", add: "--timeout 10s"},
	"logout-receiver --id-token":             {value: "$ID", add: "--explain=all"},
	"resource --metadata":                    {},
	"helper git --username":                  {value: "mine"},

	// Registration.
	"--client-name":                  {value: "mine"},
	"--redirect-uri":                 {value: "https://mine.example/"},
	"--post-logout-redirect-uri":     {value: "https://mine.example/"},
	"--grant-type":                   {value: "mine"},
	"--initial-access-token":         {value: "mine"},
	"--out":                          {},
	"--registration":                 {},
	"register create --force":        {before: before("register create --issuer $OP --out $DIR/new.yaml")},
	"register create --no-cache":     {cached: true, add: "--force"},
	"register create --mock-jwt-kid": {value: "mine", add: "--auth-method private_key_jwt --pem-key $DIR/key.pem"},
	"register read --waive":          {value: "registration.client_secret"},
	"register update --waive":        {value: "registration.client_secret"},
	"register update --metadata":     {},

	// JSON Web Tokens, and files.
	"--kid":                           {value: "mine"},
	"--use":                           {value: "enc"},
	"--alg":                           {value: "ES384"},
	"--key-format":                    {value: "jwk"},
	"--claim":                         {value: "mine=1"},
	"--endpoint":                      {value: "https://mine.example"},
	"--as":                            {value: "jwt", add: "--explain=all"},
	"--jwks":                          {value: "$DIR/jwks.json"},
	"--nonce":                         {value: "mine"},
	"--no-descriptions":               {},
	"--short":                         {},
	"--dir":                           {value: "$DIR/other"},
	"jwt keygen --force":              {before: before("jwt keygen --out $DIR/new.pem")},
	"config init --force":             {scene: "$DIR/config.yaml"},
	"jwt jwks --pem-key":              {},
	"jwt jwks --mock-jwt-kid":         {value: "mine"},
	"jwt profile --pem-key":           {},
	"jwt profile --mock-jwt-kid":      {value: "mine"},
	"jwt request --pem-key":           {},
	"jwt request --mock-jwt-kid":      {value: "mine"},
	"jwt request --client-secret":     {value: "$SECRET", drop: "pem-key", add: "-c $DIR/hmac.yaml"},
	"jwt request --response-mode":     {value: "form_post"},
	"jwt request --response-type":     {value: "id_token"},
	"jwt verify --access-token":       {value: "mine", add: "--explain=all"},
	"jwt verify --client-id":          {add: "--explain=all"},
	"jwt verify --client-secret":      {value: "$SECRET", add: "-c $DIR/hmac.yaml"},
	"config validate --auth-method":   {value: "private_key_jwt"},
	"config validate --ca-cert":       {value: "$DIR/none.pem"},
	"config validate --pem-cert":      {value: "$DIR/none.pem", add: "--pem-key $DIR/key.pem"},
	"config validate --pem-key":       {value: "$DIR/none.pem"},
	"config validate --waive":         {value: "mine"},
	"config validate --client-secret": {add: "--auth-method client_secret_post"},

	// Where the secret verifies, and what is bound already.
	"userinfo --client-id":                  {before: signUserInfo},
	"userinfo --client-secret":              {value: "$SECRET", add: "-c $DIR/hmac.yaml"},
	"userinfo --dpop":                       {value: "false", add: "-c $DIR/dpop.yaml"},
	"logout-receiver --client-secret":       {value: "$SECRET", add: "-c $DIR/hmac.yaml"},
	"resource --waive":                      {value: "protected_resource.resource", add: "--metadata"},
	"resource --skip-id-token-verification": {before: func(s *stage) { s.Claims["aud"] = "other" }},
	"resource --acr-values":                 {value: "mine", before: askForAge},

	// Flags of token that are about the session, and those of its login.
	"token --config":    {scene: "work", value: "$DIR/other.yaml", before: makeSession},
	"token --header":    {scene: "work", before: makeSession},
	"token --id-token":  {scene: "work", before: makeSession},
	"token --valid-for": {scene: "work", value: "1000h", before: makeSession},
	"token --scope":     {scene: "work", value: "mine", before: makeSession},
	"token --resource":  {scene: "work", value: "https://mine.example", before: makeSession},
	"token --audience":  {scene: "work", value: "mine", before: makeSession},
	"token --retry":     {scene: "work", before: loseSession},

	"helper kubernetes --config":       {scene: "work", value: "$DIR/other.yaml", before: makeSession},
	"helper kubernetes --access-token": {scene: "work", before: makeSession},
	"helper kubernetes --setup":        {scene: "work", before: makeSession},
	"helper kubernetes --scope":        {scene: "work --access-token", value: "mine", before: makeSession},
	"helper kubernetes --resource": {
		scene: "work --access-token", value: "https://mine.example", before: makeSession,
	},
	"helper kubernetes --audience": {scene: "work --access-token", value: "mine", before: makeSession},

	"demo --jq":                    {elsewhere: "test/script/jq.txtar"},
	"--login":                      {},
	"agent --no-cache":             {elsewhere: "TestAgentFollowsKeys"},
	"exec --no-cache":              {cached: true, before: ageSession},
	"helper aws --no-cache":        {cached: true, before: ageSession},
	"helper docker --no-cache":     {cached: true, before: ageSession},
	"helper git --no-cache":        {cached: true, before: ageSession},
	"helper kubernetes --no-cache": {scene: "work", cached: true, before: ageSession},
	"token --no-cache":             {scene: "work", cached: true, before: ageSession},

	// The provider.
	"--access-token-lifetime":  {elsewhere: ofTheProvider},
	"--approve-after":          {elsewhere: ofTheProvider},
	"--auto":                   {elsewhere: ofTheProvider},
	"--client":                 {elsewhere: ofTheProvider},
	"--client-ca":              {elsewhere: ofTheProvider},
	"--dpop-nonces":            {elsewhere: ofTheProvider},
	"--fapi2":                  {elsewhere: ofTheProvider},
	"--fault":                  {elsewhere: "test/faults_test.go"},
	"provider --file":          {elsewhere: ofTheProvider},
	"--id-token-lifetime":      {elsewhere: ofTheProvider},
	"provider --issuer":        {elsewhere: ofTheProvider},
	"--jwt-access-tokens":      {elsewhere: ofTheProvider},
	"provider --listen":        {elsewhere: ofTheProvider},
	"--no-silent-login":        {elsewhere: ofTheProvider},
	"--once":                   {elsewhere: "test/script/faults.txtar"},
	"provider --password":      {elsewhere: ofTheProvider},
	"--pkce-optional":          {elsewhere: ofTheProvider},
	"--poll-interval":          {elsewhere: ofTheProvider},
	"provider --port":          {elsewhere: ofTheProvider},
	"--refresh-token-lifetime": {elsewhere: ofTheProvider},
	"--registration-token":     {elsewhere: "TestFlowsOfTheMatrix"},
	"provider --registration":  {elsewhere: ofTheProvider},
	"--saml":                   {elsewhere: ofTheProvider},
	"--settle":                 {elsewhere: "test/script/faults.txtar"},
	"--signing-key":            {elsewhere: ofTheProvider},
	"--tls-cert":               {elsewhere: ofTheProvider},
	"--tls-key":                {elsewhere: ofTheProvider},
	"--user":                   {elsewhere: ofTheProvider},
}

// Every flag of every command has an effect there.
func TestEveryFlagHasAnEffect(t *testing.T) {
	t.Parallel()
	unused := maps.Clone(proofs)
	var running sync.WaitGroup
	turns := make(chan struct{}, 16) // most of the time is spent waiting
	everyCommand(func(words string, cmd *cobra.Command, f *pflag.Flag) {
		name := "--" + f.Name
		c, own := proofs[words+" "+name]
		if own {
			name = words + " " + name
		} else if c, own = proofs[name]; !own {
			t.Errorf("%s %s: nothing shows that it has an effect", words, name)
			return
		}
		delete(unused, name)
		if c.elsewhere != "" {
			return
		}
		running.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			c.try(t, words, cmd, f)
		})
	})
	running.Wait()
	for name := range unused {
		t.Errorf("%s: no command has it", name)
	}
}

// The flags that every command has, since the tools have them that this one follows, have an
// effect, or are said to have none: whatever else can be seen is the same then.
func TestFlagsOfEveryCommand(t *testing.T) {
	t.Parallel()
	var running sync.WaitGroup
	turns := make(chan struct{}, 16)
	everyCommand(func(words string, _ *cobra.Command, f *pflag.Flag) {
		flag := "--" + f.Name
		switch f.Name {
		case "output":
			flag += " --output-dir $DIR/results"
		case "debug", "explain", "skip-userinfo":
		default:
			return
		}
		running.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			now := time.Now().Truncate(time.Second)
			c := proof{}
			if strings.Contains(scenes[words], "work") && !logsIn(words) {
				c.before = ageSession
			}
			without := c.perform(t, words, words+" "+scenes[words], now)
			with := c.perform(t, words, words+" "+flag+" "+scenes[words], now)
			told := ineffective.ReplaceAllString(with, "")
			switch {
			case told == with && with == without:
				t.Errorf("%s %s: it has no effect, and nothing says so:\n%s", words, flag, with)
			case told != with && told != without:
				t.Errorf("%s %s: it is said to have no effect:\n%s\nwithout it:\n%s", words, flag, with, without)
			}
		})
	})
	running.Wait()
}

// ineffective is the warning that a flag has no effect.
var ineffective = regexp.MustCompile(`(?m)^\S*\[WARN\]\S*  oidc-client: -\S+ has no effect.*\n`)

// Each setting of the development provider changes what it is started with.
func TestProviderFlags(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := fakeop.NewKey()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	keyFile := write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	certFile := write("cert.pem", certificate(t, key))
	values := map[string]string{
		"access-token-lifetime": "1m", "approve-after": "2s", "auto": "true", "client": "mine:secret",
		"client-ca": certFile, "dpop-nonces": "true",
		"fapi2": "security", "file": write("op.yaml", "users:\n  - {name: carol, password: secret}\n"),
		"id-token-lifetime": "1m", "issuer": "http://op.example:9400", "listen": "127.0.0.2", "no-silent-login": "true",
		"pkce-optional":     "true",
		"jwt-access-tokens": "true", "password": "true", "poll-interval": "2s", "port": "1",
		"refresh-token-lifetime": "1m", "registration": "true",
		"saml": "true", "signing-key": keyFile, "tls-cert": certFile, "tls-key": keyFile, "user": "mine:secret",
	}
	pairs := map[string]string{"tls-cert": "tls-key", "tls-key": "tls-cert"}
	for name, value := range values {
		gathered := func(given ...string) string {
			var o providerOptions
			f := pflag.NewFlagSet("provider", pflag.ContinueOnError)
			o.add(f)
			for _, name := range given {
				if err := f.Set(name, values[name]); err != nil {
					t.Fatal(err)
				}
			}
			options, err := o.gather(t.Context(), run.New(quiet(), run.Options{}, "provider"))
			if len(options.Clients) > 0 && options.Clients[0].ID == "oidc-client" {
				options.Clients[0].Secret = "" // a new one each time
			}
			return fmt.Sprintf("%+v %v", options, err)
		}
		var without []string
		if other := pairs[name]; other != "" {
			without = append(without, other)
		}
		if got := gathered(append(without, name)...); got == gathered(without...) {
			t.Errorf("--%s %s changes nothing: %s", name, value, got)
		}
	}
}

// Credentials are asked for in the region that is named, in its partition of AWS, unless the user
// names another endpoint.
func TestSTSEndpoint(t *testing.T) {
	t.Parallel()
	const role, china, gov = "arn:aws:iam::1:role/dev", "arn:aws-cn:iam::1:role/dev", "arn:aws-us-gov:iam::1:role/dev"
	for _, c := range []struct{ role, region, env, want string }{
		{role, "", "", "https://sts.amazonaws.com/"},
		{role, "eu-central-1", "", "https://sts.eu-central-1.amazonaws.com/"},
		{role, "", "AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-west-2", "https://sts.us-east-1.amazonaws.com/"},
		{role, "", "AWS_DEFAULT_REGION=us-west-2", "https://sts.us-west-2.amazonaws.com/"},
		{china, "cn-north-1", "", "https://sts.cn-north-1.amazonaws.com.cn/"},
		{gov, "us-gov-west-1", "", "https://sts.us-gov-west-1.amazonaws.com/"},
		{"arn:aws-eusc:iam::1:role/dev", "eusc-de-east-1", "", "https://sts.eusc-de-east-1.amazonaws.eu/"},
		{"arn:aws-iso-b:iam::1:role/dev", "us-isob-east-1", "", "https://sts.us-isob-east-1.sc2s.sgov.gov/"},
		{china, "", "", "the role is in the partition aws-cn, which has no global STS: --region or AWS_REGION"},
		{china, "eu-central-1", "", "the region eu-central-1 is in the partition aws, and the role is in aws-cn"},
		{role, "", "AWS_REGION=us-gov-east-1", "the region us-gov-east-1 is in the partition aws-us-gov"},
		{role, "", "AWS_DEFAULT_REGION=../x", "the region is of the characters"},
		{role, "eu-central-1", "AWS_ENDPOINT_URL_STS=https://sts.example", "https://sts.example"},
		{china, "", "AWS_ENDPOINT_URL=http://localhost:4566 AWS_ENDPOINT_URL_STS=", "http://localhost:4566"},
		{
			role, "", "AWS_ENDPOINT_URL=https://all.example AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true",
			"https://sts.amazonaws.com/",
		},
		{role, "", "AWS_ENDPOINT_URL_STS=http://sts.example", "AWS_ENDPOINT_URL_STS is not an https URL"},
		{"", "", "", "--role-arn is missing"},
		{"arn:aws:iam::1:user/dev", "", "", "is not the ARN of a role"},
		{"arn:aws:sts::1:assumed-role/dev/x", "", "", "is not the ARN of a role"},
		{"arn:aws:iam:::role/dev", "", "", "is not the ARN of a role"},
	} {
		env := quiet()
		variables := map[string]string{}
		for word := range strings.FieldsSeq(c.env) {
			name, value, _ := strings.Cut(word, "=")
			variables[name] = value
		}
		env.Getenv = func(name string) string { return variables[name] }
		o := &awsOptions{role: c.role, region: c.region, sessionName: "oidc-client"}
		got, err := stsEndpoint(run.New(env, run.Options{}, "helper aws"), o)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) || err == nil && got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// everyCommand calls do for each flag of each command.
func everyCommand(do func(words string, cmd *cobra.Command, f *pflag.Flag)) {
	var runnable []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		c.InheritedFlags() // merges them, which writes to the flags: do, which may read them at any time, comes after
		c.InitDefaultHelpFlag()
		if c.Runnable() {
			runnable = append(runnable, c)
		}
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk(newProgram(quiet(), run.Options{}).root(nil))
	for _, c := range runnable {
		words := strings.TrimSpace(strings.TrimPrefix(c.CommandPath(), "oidc-client"))
		c.Flags().VisitAll(func(f *pflag.Flag) { do(words, c, f) })
	}
}

// try runs the scene of a command without a flag, twice, and with it.
func (c proof) try(t *testing.T, words string, cmd *cobra.Command, f *pflag.Flag) {
	t.Helper()
	scene := leave(cmd, cmp.Or(c.scene, scenes[words]), c.drop)
	without, with := leave(cmd, scene, f.Name), scene
	switch {
	case c.value == "" && without != scene: // the scene has it
	case f.NoOptDefVal != "":
		with = strings.TrimSuffix("--"+f.Name+"="+c.value, "=") + " " + without
	default:
		with = "--" + f.Name + " " + c.value + " " + without
		without = scene
	}
	line := func(scene string) string { return words + " " + c.add + " " + scene }
	now := time.Now().Truncate(time.Second)
	first, again, then := c.perform(t, words, line(without), now), c.perform(t, words, line(without), now),
		c.perform(t, words, line(with), now)
	switch {
	case first != again:
		t.Errorf("%s: two runs differ:\n%s\n----\n%s", line(without), first, again)
	case first == then:
		t.Errorf("%s --%s has no effect:\n%s\n%s", words, f.Name, line(with), then)
	}
}

// logsIn reports whether the scene of a command begins without a session, and a person makes it.
func logsIn(words string) bool { return words == "token" || words == "helper kubernetes" }

// perform runs a command line on a stage of its own.
func (c proof) perform(t *testing.T, words, line string, now time.Time) string {
	t.Helper()
	s := newStage(t, c.secure, now)
	defer s.Close()
	s.person = c.person || logsIn(words)
	if c.mutual {
		s.TLS.ClientAuth = tls.RequireAnyClientCert
	}
	switch {
	case c.before != nil:
		c.before(s)
	case strings.Contains(line, " work") && !logsIn(words):
		makeSession(s)
	}
	if c.cached {
		s.env["XDG_CACHE_HOME"] = filepath.Join(s.folder, "cache")
		s.run(line, stdins[words])
		s.age(2 * time.Hour)
	}
	return s.run(line, stdins[words])
}

// leaveAtProvider takes flags and their values out of a command line.
func leave(cmd *cobra.Command, line, names string) string {
	words := strings.Fields(line)
	for _, name := range strings.Fields(names) {
		i := slices.Index(words, "--"+name)
		f := cmd.Flags().Lookup(name)
		switch {
		case i < 0:
		case f.NoOptDefVal != "":
			words = slices.Delete(words, i, i+1)
		default:
			words = slices.Delete(words, i, i+2)
		}
	}
	return strings.Join(words, " ")
}

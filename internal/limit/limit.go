// Package limit is the one table of the bounds on what another party can make
// the program hold, count, wait for or compute. Each is a constant here and a
// row of [Table].
package limit

import (
	"fmt"
	"slices"
	"time"
)

// Sizes, in bytes. More is an error, never cut.
const (
	Body   = 1 << 20   // of a response body, as it unpacks
	Keys   = 512 << 10 // of a JWK Set
	Header = 64 << 10  // of a response's header
	Token  = 256 << 10 // of a JWT
	File   = 1 << 20   // of a file that the user names, and of standard input
	Nonce  = 1 << 10   // of a DPoP nonce
	Form   = 256 << 10 // of what a browser or a provider sends to the loopback listener

	Session = 4 << 20 // of what is stored of one session

	ExchangesSize = 16 << 20 // of all HTTP exchanges that the record of one run holds

	Filtered = 64 << 20 // of what --jq prints, and of the document of a stream that it filters

	LogoutSize = 16 << 20 // of all logout tokens that logout-receiver takes in one run
)

// Counts.
const (
	JSONDepth     = 32     // of arrays and objects nested in the outermost of a JSON document
	JSONValues    = 20_000 // values in one JSON document
	KeyCount      = 100    // keys of a JWK Set that are looked at
	Nonces        = 100    // origins whose DPoP nonces are kept
	Proofs        = 50_000 // DPoP proofs that a resource server remembers, twice
	LogoutTokens  = 10_000 // logouts that logout-receiver takes in one run
	CacheEntries  = 200    // answers in the cache of metadata and keys
	Strange       = 5      // remarks on what comes to the loopback listener and is no answer
	AccessTokens  = 16     // access tokens for a part of the grant that a session keeps
	AgentRenewals = 4      // sessions that the agent renews at a time
	Exchanges     = 1_000  // HTTP exchanges that the record of one run holds
	Logins        = 16     // authorization requests of one command that may still be answered
	PastedJWTs    = 16     // JWTs that jwt decode finds in what was pasted
)

// Sizes of RSA keys, in bits. A larger modulus costs the verifier seconds.
const (
	RSABitsLeast = 2048
	RSABitsMost  = 8192
)

// KeyIterations are those of PBKDF2 that the password of a private key may take. They cost seconds.
const KeyIterations = 10_000_000

// Waits.
const (
	Request     = 10 * time.Second // one request and its answer, by the CLI's HTTP client
	RequestMost = 30 * time.Second // one request that neither its caller nor the HTTP client bounds
	// DiscoveryPause is between two attempts to discover a provider that is down.
	DiscoveryPause = time.Second
	KeysFetch      = 30 * time.Second // one fetch of keys, whoever waits for it
	KeysAgain      = time.Minute      // between fetches of keys because none fits
	KeysAge        = 10 * time.Minute // of keys that are used without asking again
	Grace          = 5 * time.Second  // for the answer to a sent refresh token, after its caller gave up
	Abandon        = time.Second      // for a transport, after the end of its request
	SignalHold     = 15 * time.Second // for a refresh token in flight, after the first signal that would end the run
	FileLock       = 30 * time.Second // for another run that uses the same refresh token file
	SessionLock    = 60 * time.Second // for another run that renews the same session
	SendBy         = 10 * time.Second // from the claim of a refresh token until it is sent; later it is not
	ClaimSettled   = 20 * time.Second // from a claim until its holder cannot be at it any more
	Assertion      = 8 * time.Second  // for a client assertion that others issue; within SendBy
	Keyring        = 3 * time.Second  // for the keyring, which may be locked with nobody there to unlock it
	PasteQuiet     = time.Second / 10 // after a line break that ends what a person pastes
	LandingPage    = 20 * time.Second // a browser waits for the end of a login
	LoginAge       = 15 * time.Minute // of an authorization request that may still be answered, where there are many

	CacheLeast = 5 * time.Minute // metadata and keys are used without asking again, if they say less
	CacheMost  = 24 * time.Hour  // the same, if they say more

	Filter = 5 * time.Second // for the expression of --jq

	AgentAnswer     = 1500 * time.Millisecond // for a response of the agent that it need not ask a provider for
	AgentLook       = time.Second             // between two looks of the agent at what is due
	AgentPauseLeast = time.Second             // the agent's pause after a renewal that failed; twice as long after each
	AgentPauseMost  = 5 * time.Minute         // the same at most, and of a Retry-After that it obeys

	PollInterval = 5 * time.Second // between two questions whether a user is done, if the provider does not say
	PollLeast    = time.Second     // the same, whatever the provider says
	PollMost     = 5 * time.Minute // likewise
	PollSlower   = 5 * time.Second // what slow_down adds
)

// Lifetime is the longest expires_in: a longer one counts as this.
const Lifetime = 10 * 365 * 24 * time.Hour

// A Row is one limit, for the documentation.
type Row struct {
	Name  string // of the constant
	Value string
	Text  string
}

// Table is every limit.
func Table() []Row { return slices.Concat(sizes(), times()) }

func sizes() []Row {
	return []Row{
		{
			"Body", size(Body),
			"a response body, as it unpacks; http_client_config.limit_max_resp_size_limit overrides it",
		},
		{"Keys", size(Keys), "a JWK Set; likewise"},
		{"Header", size(Header), "a response's header, informational responses (1xx) included"},
		{"Token", size(Token), "a JWT, before it is split"},
		{"File", size(File), "a file that the user names, and standard input"},
		{"Nonce", size(Nonce), "a DPoP nonce"},
		{"Form", size(Form), "what a browser or a provider sends to the loopback listener"},
		{"Session", size(Session), "what is stored of one session"},
		{"JSONDepth", fmt.Sprint(JSONDepth), "arrays and objects nested in the outermost of a JSON document"},
		{"JSONValues", fmt.Sprint(JSONValues), "values in one JSON document"},
		{"KeyCount", fmt.Sprint(KeyCount), "keys of a JWK Set that are looked at; the rest are passed over"},
		{"Nonces", fmt.Sprint(Nonces), "origins whose DPoP nonces are kept"},
		{
			"Proofs", fmt.Sprint(Proofs),
			"DPoP proofs that a resource server remembers of the present minute, and of the one before",
		},
		{"LogoutTokens", fmt.Sprint(LogoutTokens), "logouts that logout-receiver takes in one run"},
		{"LogoutSize", size(LogoutSize), "the same, all together"},
		{"CacheEntries", fmt.Sprint(CacheEntries), "answers in the cache of metadata and keys; the oldest make room"},
		{"Strange", fmt.Sprint(Strange), "remarks on what comes to the loopback listener and is no answer"},
		{
			"AccessTokens", fmt.Sprint(AccessTokens),
			"access tokens for a part of the grant that a session keeps beside its first; the oldest make room",
		},
		{"AgentRenewals", fmt.Sprint(AgentRenewals), "sessions that the agent renews at a time"},
		{"Logins", fmt.Sprint(Logins), "authorization requests of one command that may still be answered"},
		{"PastedJWTs", fmt.Sprint(PastedJWTs), "JWTs that jwt decode finds in what was pasted"},
		{"Exchanges", fmt.Sprint(Exchanges), "HTTP exchanges in the record of one run; the oldest make room"},
		{"ExchangesSize", size(ExchangesSize), "the same, all together"},
		{"Filtered", size(Filtered), "what --jq prints, and the document of a stream that it filters"},
		{"KeyIterations", fmt.Sprint(KeyIterations), "iterations of PBKDF2 for the password of a private key"},
		{"RSABitsLeast", fmt.Sprint(RSABitsLeast) + " bits", "the smallest RSA modulus"},
		{"RSABitsMost", fmt.Sprint(RSABitsMost) + " bits", "the largest RSA modulus"},
	}
}

func times() []Row {
	return []Row{
		{
			"Request", Request.String(),
			"one request and its answer; http_client_config.timeout_duration overrides it, --timeout bounds the " +
				"whole command",
		},
		{
			"DiscoveryPause", DiscoveryPause.String(),
			"between two attempts to discover a provider that is down, in programs that use the library",
		},
		{"RequestMost", RequestMost.String(), "one request, in programs that use the library and bound nothing"},
		{"KeysFetch", KeysFetch.String(), "one fetch of keys, whoever waits for it"},
		{"KeysAgain", KeysAgain.String(), "the least time between two fetches of keys because none fits a token"},
		{"KeysAge", KeysAge.String(), "keys that are used without asking again"},
		{"Grace", Grace.String(), "the answer to a refresh token that was sent, after Ctrl-C or --timeout"},
		{
			"Abandon", Abandon.String(),
			"the wait for Go's HTTP transport to return after a time-out, then the request is abandoned",
		},
		{
			"SignalHold", SignalHold.String(),
			"signals are held back this long after the first of them, while a refresh token is in flight or its " +
				"response is stored",
		},
		{"FileLock", FileLock.String(), "the wait for another run that uses the same refresh token file"},
		{"SessionLock", SessionLock.String(), "the wait for another run that renews the same session"},
		{
			"SendBy", SendBy.String(),
			"from the claim of a session's refresh token until it is sent; after that it is not sent",
		},
		{
			"ClaimSettled", ClaimSettled.String(),
			"where file locks do nothing: from such a claim until its process counts as gone",
		},
		{
			"Assertion", Assertion.String(),
			"a command that prints a client assertion, or GitHub, until the assertion is there",
		},
		{"Keyring", Keyring.String(), "the wait for the keyring, which may be locked with nobody there to unlock it"},
		{"PasteQuiet", PasteQuiet.String(), "the pause after a line break that ends a pasted text"},
		{"LandingPage", LandingPage.String(), "the browser's wait for the end of a login"},
		{"LoginAge", LoginAge.String(), "an authorization request that may still be answered, where there are many"},
		{
			"CacheLeast", CacheLeast.String(),
			"metadata and keys that are used without asking again, if they say less or nothing; on this machine only " +
				"what they say counts",
		},
		{"CacheMost", CacheMost.String(), "the same at most"},
		{"Filter", Filter.String(), "the expression of --jq"},
		{
			"AgentAnswer", AgentAnswer.String(),
			"the wait for a response of the agent that it need not ask a provider for; then the files are used",
		},
		{"AgentLook", AgentLook.String(), "between two looks of the agent at what is due"},
		{
			"AgentPauseLeast", AgentPauseLeast.String(),
			"the agent's pause after a renewal that failed; twice as long after each",
		},
		{"AgentPauseMost", AgentPauseMost.String(), "the same at most, and a Retry-After that it obeys"},
		{
			"PollInterval", PollInterval.String(),
			"between two questions whether a user is done, if the provider does not say",
		},
		{"PollLeast", PollLeast.String(), "the same at least, whatever the provider says"},
		{"PollMost", PollMost.String(), "the same at most"},
		{"PollSlower", PollSlower.String(), "what slow_down adds to it"},
		{"Lifetime", fmt.Sprintf("%d days", Lifetime/(24*time.Hour)), "expires_in; a longer one counts as this"},
	}
}

func size(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

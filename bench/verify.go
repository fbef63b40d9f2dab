//go:build unix

// jwt verify of a stream, against the signatures alone on all processors.

package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A signed is a token, and how to verify it with crypto alone.
type signed struct {
	token  string
	verify func() bool
}

// A scheme signs by one algorithm.
type scheme struct {
	alg  string
	jwk  map[string]any
	sign func(input []byte) (signature []byte, verify func() bool)
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// schemes have a new key each, RSA of 2048 bits: the size that most providers have.
func schemes() ([]scheme, error) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	rsaJWK := map[string]any{"kty": "RSA", "n": b64(rsaKey.N.Bytes()), "e": "AQAB"}
	salt := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	return []scheme{
		{"RS256", rsaJWK, func(in []byte) ([]byte, func() bool) {
			digest := sha256.Sum256(in)
			s, _ := rsa.SignPKCS1v15(rand.Reader, rsaKey, crypto.SHA256, digest[:]) // of a good key
			return s, func() bool {
				d := sha256.Sum256(in)
				return rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA256, d[:], s) == nil
			}
		}},
		{"PS256", rsaJWK, func(in []byte) ([]byte, func() bool) {
			digest := sha256.Sum256(in)
			s, _ := rsa.SignPSS(rand.Reader, rsaKey, crypto.SHA256, digest[:], salt) // of a good key
			return s, func() bool {
				d := sha256.Sum256(in)
				return rsa.VerifyPSS(&rsaKey.PublicKey, crypto.SHA256, d[:], s, salt) == nil
			}
		}},
		//nolint:staticcheck // its coordinates are what a JWK has
		{
			"ES256",
			map[string]any{
				"kty": "EC", "crv": "P-256", "x": b64(ecKey.X.FillBytes(make([]byte, 32))),
				"y": b64(ecKey.Y.FillBytes(make([]byte, 32))),
			},
			func(in []byte) ([]byte, func() bool) {
				digest := sha256.Sum256(in)
				r, s, _ := ecdsa.Sign(rand.Reader, ecKey, digest[:]) // of a good key
				raw := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
				return raw, func() bool {
					d := sha256.Sum256(in)
					return ecdsa.Verify(&ecKey.PublicKey, d[:], new(big.Int).SetBytes(raw[:32]),
						new(big.Int).SetBytes(raw[32:]))
				}
			},
		},
		{
			"EdDSA",
			map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(edPublic)},
			func(in []byte) ([]byte, func() bool) {
				s := ed25519.Sign(edKey, in)
				return s, func() bool { return ed25519.Verify(edPublic, in, s) }
			},
		},
	}, nil
}

// tokens are n tokens of few signatures: signing all of them takes longer than
// verifying.
func (s scheme) tokens(n int) []signed {
	const different = 500
	now := time.Now()
	list := make([]signed, 0, n)
	for i := range min(n, different) {
		header, _ := json.Marshal(map[string]any{"alg": s.alg, "typ": "JWT", "kid": "k"}) // of strings
		claims, _ := json.Marshal(map[string]any{                                         // of strings and numbers
			"iss": "https://op.example", "sub": fmt.Sprintf("user-%d", i), "aud": "cli", "iat": now.Unix(),
			"exp":       now.Add(time.Hour).Unix(),
			"auth_time": now.Unix(), "nonce": "n-0S6_WzA2Mj", "acr": "2", "amr": []string{"pwd", "otp"},
			"email": "alice@example.com",
		})
		input := b64(header) + "." + b64(claims)
		signature, verify := s.sign([]byte(input))
		list = append(list, signed{input + "." + b64(signature), verify})
	}
	for i := 0; len(list) < n; i++ {
		list = append(list, list[i%different])
	}
	return list
}

// verify measures both, for each algorithm, and memory for ten times as many.
func (b bench) verify(n int) error {
	all, err := schemes()
	if err != nil {
		return err
	}
	for _, s := range all {
		jwk := maps.Clone(s.jwk)
		jwk["kid"], jwk["alg"] = "k", s.alg
		keys, err := json.Marshal(map[string]any{"keys": []any{jwk}})
		if err != nil {
			return err
		}
		file := filepath.Join(b.folder, "jwks.json")
		if err := os.WriteFile(file, keys, 0o600); err != nil {
			return err
		}
		list := s.tokens(n)
		for _, kind := range []string{"jwt", "id_token"} {
			var wall, processor []float64
			var rss int64
			for range 5 { // in turn, so that the machine's mood is shared
				raw := rawCost(list)
				program, memory, err := b.verifyStream(file, kind, list)
				if err != nil {
					return err
				}
				wall = append(wall, raw.wall.Seconds()/program.wall.Seconds())
				processor = append(processor, raw.processor.Seconds()/program.processor.Seconds())
				rss = memory
			}
			_, few, err := b.verifyStream(file, kind, list[:n/10])
			if err != nil {
				return err
			}
			fmt.Printf("jwt verify --as %s, %d tokens by %s: %.2f of the signatures alone (%.2f by processor time), "+
				"%d MB, and %d MB for a tenth\n",
				kind, n, s.alg, middle(wall), middle(processor), rss>>20, few>>20)
		}
	}
	return nil
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// A cost is what a measurement took: on a machine that others use as well, the time of
// the processors is the one to believe.
type cost struct{ wall, processor time.Duration }

// rawCost verifies the signatures alone, on all processors.
func rawCost(list []signed) cost {
	start, before := time.Now(), processorTime()
	var all sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		all.Go(func() {
			for i := w; i < len(list); i += workers {
				if !list[i].verify() {
					panic("a signature of our own does not verify")
				}
			}
		})
	}
	all.Wait()
	return cost{time.Since(start), processorTime() - before}
}

// processorTime is what this process has used of the processors.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// verifyStream runs the program.
func (b bench) verifyStream(keys, kind string, list []signed) (cost, int64, error) {
	stdin, stdout := filepath.Join(b.folder, "tokens"), filepath.Join(b.folder, "verdicts")
	var all strings.Builder
	for _, t := range list {
		all.WriteString(t.token + "\n")
	}
	if err := os.WriteFile(stdin, []byte(all.String()), 0o600); err != nil {
		return cost{}, 0, err
	}
	args := []string{
		"jwt", "verify", "--jwks", keys, "--as", kind, "--issuer", "https://op.example", "--client-id",
		"cli",
	}
	cmd := exec.Command(b.binary, args...) //nolint:gosec,noctx // the program under measurement
	var errs bytes.Buffer
	in, err := os.Open(stdin)
	if err != nil {
		return cost{}, 0, err
	}
	defer in.Close()
	out, err := os.Create(stdout)
	if err != nil {
		return cost{}, 0, err
	}
	defer out.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &errs
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, 0, err
	}
	memory := peak(cmd.Process.Pid)
	if err := cmd.Wait(); err != nil {
		return cost{}, 0, fmt.Errorf("jwt verify: %w: %s", err, errs.String())
	}
	took := cost{time.Since(start), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	verdicts, err := os.ReadFile(stdout)
	if err != nil {
		return cost{}, 0, err
	}
	if got := bytes.Count(verdicts, []byte("valid")); got != len(list) {
		return cost{}, 0, fmt.Errorf("%d of %d are valid", got, len(list))
	}
	return took, memory(), nil
}

// peak watches the memory of a process, in bytes. What the system tells when it has
// ended counts this process's own from before the program was there.
func peak(pid int) (most func() int64) {
	done, result := make(chan struct{}), make(chan int64, 1)
	go func() {
		var high int64
		for {
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if _, after, ok := strings.Cut(string(data), "VmHWM:"); err == nil && ok {
				var kilobytes int64
				if _, err := fmt.Sscan(after, &kilobytes); err == nil {
					high = kilobytes << 10
				}
			}
			select {
			case <-done:
				result <- high
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() int64 { close(done); return <-result }
}

package jose

import (
	"crypto/ed25519"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
)

// Every encoding of a point of small order is refused, whatever its sign.
func TestSmallOrder(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ec" + strings.Repeat("ff", 30) + "7f",
		"ed" + strings.Repeat("ff", 30) + "7f",
		"ee" + strings.Repeat("ff", 30) + "7f",
	} {
		y, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, sign := range []byte{0, 0x80} {
			key := append(ed25519.PublicKey{}, y...)
			key[31] |= sign
			if weakness(key) == "" {
				t.Errorf("%x: taken", []byte(key))
			}
		}
	}
	good := edKey(t).Public().(ed25519.PublicKey)
	if why := weakness(good); why != "" {
		t.Errorf("a good key: %s", why)
	}
}

// ROCA's moduli are powers of 65537 modulo every small prime: one that is not,
// modulo a single one of them, is not ROCA's.
func TestROCA(t *testing.T) {
	t.Parallel()
	product := big.NewInt(1)
	for _, p := range []int64{
		3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
		97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
	} {
		product.Mul(product, big.NewInt(p))
	}
	roca := new(big.Int).Exp(big.NewInt(65537), big.NewInt(12345), product)
	if !fromROCA(roca) {
		t.Error("a power of 65537 is not found out")
	}
	escaped := 0
	for _, p := range rocaPrimes {
		// Another number modulo p, the same modulo all others.
		others := new(big.Int).Div(product, new(big.Int).SetUint64(p))
		n := new(big.Int).Set(roca)
		for range p - 1 {
			n.Add(n, others)
			if !powerOf65537(new(big.Int).Mod(n, new(big.Int).SetUint64(p)).Uint64(), p) {
				escaped++
				if fromROCA(n) {
					t.Errorf("modulo %d nobody looks", p)
				}
				break
			}
		}
	}
	if escaped < 30 || len(rocaPrimes) != 38 {
		t.Errorf("only %d of %d primes tell anything", escaped, len(rocaPrimes))
	}
	if fromROCA(rsaKey().N) {
		t.Error("a good key is refused")
	}
}

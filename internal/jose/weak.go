// Keys that look sound and are not.

package jose

import (
	"crypto/ed25519"
	"encoding/hex"
	"math/big"
	"slices"
)

// rocaPrimes are the primes up to 167, that the fingerprint is taken by.
var rocaPrimes = []uint64{
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89,
	97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
}

// fromROCA reports whether a modulus was made by the library of CVE-2017-15361:
// its primes are powers of 65537 modulo each small prime, and so is their
// product. By chance that hardly ever happens.
func fromROCA(n *big.Int) bool {
	for _, p := range rocaPrimes {
		if !powerOf65537(new(big.Int).Mod(n, new(big.Int).SetUint64(p)).Uint64(), p) {
			return false
		}
	}
	return true
}

// powerOf65537 reports whether x is a power of 65537 modulo p.
func powerOf65537(x, p uint64) bool {
	power := uint64(1)
	for range p {
		if power == x {
			return true
		}
		power = power * 65537 % p
	}
	return false
}

// smallOrderPoints are the encodings of the Ed25519 points of small order,
// without the bit of the sign: with such a key a signature can be made that
// holds for every message.
var smallOrderPoints = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 0, written otherwise
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 1, written otherwise
}

func smallOrder(key ed25519.PublicKey) bool {
	y := slices.Clone(key)
	y[31] &= 0x7F
	return slices.Contains(smallOrderPoints, hex.EncodeToString(y))
}

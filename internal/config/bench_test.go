package config

import "testing"

// BenchmarkLoad reads a file that sets nearly every key.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := load(ancestor, nil, nil); err != nil {
			b.Fatal(err)
		}
	}
}

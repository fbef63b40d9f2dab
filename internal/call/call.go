// Package call is what the program and the library tell each other about one
// call, through its context. Users of the library need none of it.
package call

import "context"

type endpointKey struct{}

// WithEndpoint names the endpoint that a request goes to, such as "discovery",
// "jwks", "token" or "userinfo".
func WithEndpoint(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, endpointKey{}, name)
}

// Endpoint returns the name of the endpoint that a request of the library goes
// to, and "" for any other context. A transport files the exchange under it.
func Endpoint(ctx context.Context) string {
	name, _ := ctx.Value(endpointKey{}).(string)
	return name
}

type terseKey struct{}

// WithTerse leaves out the checks of tokens that keep every MUST rule: for a
// caller that verifies many tokens and only shows what is wrong with the bad
// ones.
func WithTerse(ctx context.Context) context.Context {
	return context.WithValue(ctx, terseKey{}, true)
}

// Terse reports whether [WithTerse] was called.
func Terse(ctx context.Context) bool { return ctx.Value(terseKey{}) != nil }

// Command oidc-token prints a fresh token of a stored session as fast as a
// program can start, for tools that ask for one each time they run. Whatever is
// not that simple it leaves to oidc-client, which it runs in its place.
//
//	oidc-token NAME [--header] [--id-token]     as oidc-client token
//	oidc-token helper kubernetes NAME           as oidc-client helper kubernetes
package main

import "os"

func main() {
	if text, ok := answer(os.Args[1:], os.Getenv); ok {
		if _, err := os.Stdout.WriteString(text); err == nil {
			return
		}
	}
	os.Exit(become(os.Args))
}

package config

import "github.com/oidc-client/oidc-client/internal/failure"

// Failure implements [failure.Described].
func (p Problems) Failure() failure.Failure { return failure.Failure{Kind: failure.KindConfig} }

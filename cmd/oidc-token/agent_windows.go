package main

// fromAgent asks nobody: package net, which the agent's pipe takes, would double
// the time that this program takes to start.
func fromAgent(question, func(string) string) (token, tokenType string, ok bool) {
	return "", "", false
}

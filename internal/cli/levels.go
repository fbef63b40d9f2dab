// The flags that are more than on or off: --debug and --explain.

package cli

import (
	"errors"
	"strconv"

	"github.com/oidc-client/oidc-client/internal/transcript"
)

// A debugLevel is the value of --debug. Each -d adds one.
type debugLevel int

// String implements pflag.Value.
func (l *debugLevel) String() string {
	switch *l {
	case 0:
		return "false"
	case 1:
		return "true"
	}
	return strconv.Itoa(int(*l))
}

// Set implements pflag.Value.
func (l *debugLevel) Set(text string) error {
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		*l = debugLevel(n)
		return nil
	}
	on, err := strconv.ParseBool(text)
	switch {
	case err != nil:
		return errors.New("it is true, false, or a number")
	case on:
		*l++
	default:
		*l = 0
	}
	return nil
}

// Type implements pflag.Value.
func (*debugLevel) Type() string { return "bool" }

// An explanation is the value of --explain: nothing, or how much to explain.
type explanation transcript.Explanation

// String implements pflag.Value.
func (e *explanation) String() string {
	return map[transcript.Explanation]string{
		transcript.ExplainNothing: "false", transcript.ExplainBriefly: "true", transcript.ExplainAll: "all",
	}[transcript.Explanation(*e)]
}

// Set implements pflag.Value.
func (e *explanation) Set(text string) error {
	if text == "all" {
		*e = explanation(transcript.ExplainAll)
		return nil
	}
	on, err := strconv.ParseBool(text)
	switch {
	case err != nil:
		return errors.New("it is all, true or false")
	case on:
		*e = explanation(transcript.ExplainBriefly)
	default:
		*e = explanation(transcript.ExplainNothing)
	}
	return nil
}

// Type implements pflag.Value.
func (*explanation) Type() string { return "bool" }

package config

import (
	"reflect"
	"testing"
)

// What is written of a configuration is read as the same again, whatever is in it.
func TestWriteIsReadAgain(t *testing.T) {
	t.Parallel()
	const file = `
issuer: https://op.example
client_id: "a: b # c"
client_secret: "$${HOME} \"quoted\" \\"
waive: [id_token.iss, "discovery.pkce"]
no_cache: true
use_pkce: false
max_age: 300
clock_tolerance: 90s
authorize_additional_parameters: {"a b": "$${x}", c: "1"}
jwt_request_token_additional_parameters: {list: [1, "${x}", true], deep: {k: "<&>"}}
http_client_config:
  timeout_duration: 5s
  extra_headers: {X-Key: "v: w"}
  max_idle_conns: 3
`
	first, err := Load(Sources{Name: "first", File: []byte(file)})
	if err != nil {
		t.Fatal(err)
	}
	text := Write(first.Given())
	second, err := Load(Sources{Name: "second", File: text})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(first.Given(), second.Given()) {
		t.Errorf("%v\n%v\n%s", first.Given(), second.Given(), text)
	}
}

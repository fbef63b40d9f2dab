// Responses on their way to a client: the layers in front of the library take them,
// complete them, and send them.

package provider

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
)

// A Response is one that is not sent yet.
type Response struct {
	Request *http.Request
	Status  int
	Header  http.Header
	Body    []byte
}

// responseOf returns the response of a handler.
func responseOf(h http.Handler, r *http.Request) *Response {
	res := &Response{Request: r, Status: http.StatusOK, Header: http.Header{}}
	h.ServeHTTP(capture{res}, r)
	return res
}

// A capture is an http.ResponseWriter that fills a Response.
type capture struct{ to *Response }

func (c capture) Header() http.Header { return c.to.Header }

func (c capture) WriteHeader(status int) { c.to.Status = status }

func (c capture) Write(p []byte) (int, error) {
	c.to.Body = append(c.to.Body, p...)
	return len(p), nil
}

// OK reports whether the response is a success.
func (res *Response) OK() bool { return res.Status/100 == 2 }

// Edit changes the members of a success that is a JSON object.
func (res *Response) Edit(change func(map[string]any)) {
	m, ok := DecodeObject(res.Body)
	if !ok || !res.OK() {
		return
	}
	change(m)
	res.Body = EncodeJSON(m)
}

// replace puts another response in the place of this one.
func (res *Response) replace(status int, mediaType string, body []byte) {
	res.Status, res.Body = status, body
	res.Header = http.Header{"Content-Type": {mediaType}}
}

// Send sends the response.
func (res *Response) Send(w http.ResponseWriter) {
	maps.Copy(w.Header(), res.Header)
	w.Header().Set("Content-Length", strconv.Itoa(len(res.Body)))
	w.WriteHeader(res.Status)
	_, _ = w.Write(res.Body) //nolint:gosec // a client that hung up is no error; pages are templates
}

// DecodeObject reads a JSON object and keeps its numbers as they are.
func DecodeObject(data []byte) (map[string]any, bool) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	m := map[string]any{}
	return m, d.Decode(&m) == nil
}

// EncodeJSON writes what DecodeObject has read, or a literal of a program, without
// escapes for HTML. It panics if the value is no JSON.
func EncodeJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

// text returns a string, "" for what is none.
func text(v any) string { s, _ := v.(string); return s }

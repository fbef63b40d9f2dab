// Servers that break HTTP itself. They write bytes and frames, not responses.

package fakeop

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// A Hostile is a server that answers every request in one bad way, over TLS.
type Hostile struct {
	URL   string
	Ended chan struct{} // gets a value when a connection has ended, for the first hundred

	trusted  *httptest.Server // has the certificate
	listener net.Listener
	mu       sync.Mutex
	open     map[net.Conn]bool // nil after Close
}

// A Behaviour is what a hostile server does on a connection.
type Behaviour struct {
	Protocol string                // "h2" or "http/1.1"
	Start    []byte                // written once
	Answer   func(io.Writer) error // called again and again after that, until it fails; nil is silence
	End      bool                  // instead of silence the connection is closed
}

// StartHostile starts a server that behaves like that.
func StartHostile(b Behaviour) *Hostile {
	trusted := httptest.NewUnstartedServer(nil)
	trusted.EnableHTTP2 = true // its client then offers both
	trusted.StartTLS()
	//nolint:gosec // a server for tests
	config := &tls.Config{Certificates: trusted.TLS.Certificates, NextProtos: []string{b.Protocol}}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err) // no loopback
	}
	h := &Hostile{
		URL: "https://" + listener.Addr().String(), Ended: make(chan struct{}, 100), trusted: trusted,
		listener: listener, open: map[net.Conn]bool{},
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetReadBuffer(4096) // soon full, since nobody reads
			go h.serve(tls.Server(conn, config), b)
		}
	}()
	return h
}

// Certificate returns the certificate of the server.
func (h *Hostile) Certificate() *x509.Certificate { return h.trusted.Certificate() }

// Client returns an HTTP client that trusts the server. Little is enough to fill what it
// sends to a server that does not read.
func (h *Hostile) Client() *http.Client {
	client := h.trusted.Client()
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err == nil {
			_ = conn.(*net.TCPConn).SetWriteBuffer(4096)
		}
		return conn, err
	}
	return client
}

// Close ends the server and its connections.
func (h *Hostile) Close() {
	_ = h.listener.Close()
	h.trusted.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	for conn := range h.open {
		_ = conn.Close()
	}
	h.open = nil
}

// serve reads one request, and from then on only writes.
func (h *Hostile) serve(conn net.Conn, b Behaviour) {
	defer func() {
		_ = conn.Close()
		select {
		case h.Ended <- struct{}{}:
		default:
		}
	}()
	h.mu.Lock()
	closed := h.open == nil
	if !closed {
		h.open[conn] = true
	}
	h.mu.Unlock()
	read := readRequest
	if b.Protocol == "h2" {
		read = readHeaders
	}
	if closed || read(conn) != nil {
		return
	}
	if _, err := conn.Write(b.Start); err != nil {
		return
	}
	if b.End {
		return
	}
	if b.Answer == nil {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	for b.Answer(conn) == nil {
	}
}

// readRequest reads the header of an HTTP/1.1 request.
func readRequest(conn net.Conn) error {
	lines := bufio.NewScanner(conn)
	for lines.Scan() && lines.Text() != "" {
	}
	return lines.Err()
}

// readHeaders sends the server's settings, and reads frames up to the HEADERS of a request.
func readHeaders(conn net.Conn) error {
	if _, err := conn.Write(frame(settings, 0, 0, nil)); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return err
	}
	for {
		var head [9]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return err
		}
		length := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, conn, length); err != nil {
			return err
		}
		if head[3] == headers {
			_, err := conn.Write(frame(settings, ack, 0, nil))
			return err
		}
	}
}

// Types and flags of frames (RFC 9113 section 6).
const (
	data, headers, reset, settings, ping, goAway, windowUpdate, continuation = 0, 1, 3, 4, 6, 7, 8, 9

	ack, endHeaders, padded = 1, 4, 8
)

// frame is one frame of HTTP/2 (RFC 9113 section 4.1).
func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	head := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags} //nolint:gosec // less than 2^24
	return append(binary.BigEndian.AppendUint32(head, stream), payload...)
}

// repeat is an answer that writes the same over and over.
func repeat(text []byte, times int) func(io.Writer) error {
	chunk := bytes.Repeat(text, times)
	return func(w io.Writer) error {
		_, err := w.Write(chunk)
		return err
	}
}

// Farewell is a server that goes away, and says something as it does.
func Farewell(text string) Behaviour {
	return Behaviour{
		Protocol: "h2",
		Start:    frame(goAway, 0, 0, append([]byte("\x00\x00\x00\x01\x00\x00\x00\x02"), text...)), End: true,
	}
}

// Behaviours are ways to keep a client busy for ever, by name.
func Behaviours() map[string]Behaviour {
	all := map[string]Behaviour{}
	for name, b := range http1() {
		b.Protocol = "http/1.1"
		all["HTTP/1.1 "+name] = b
	}
	for name, b := range http2() {
		b.Protocol = "h2"
		all["HTTP/2 "+name] = b
	}
	return all
}

func http1() map[string]Behaviour {
	const ok, chunked = "HTTP/1.1 200 OK\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
	a := strings.Repeat("a", 1000)
	return map[string]Behaviour{
		"silence":       {},
		"header":        {Start: []byte(ok), Answer: repeat([]byte("X-A: "+a+"\r\n"), 10)},
		"header line":   {Start: []byte(ok + "X-A: "), Answer: repeat([]byte(a), 10)},
		"status line":   {Start: []byte("HTTP/1.1 200 "), Answer: repeat([]byte(a), 10)},
		"informational": {Answer: repeat([]byte("HTTP/1.1 103 Early Hints\r\n\r\n"), 100)},
		"body": {
			Start: []byte(ok + "Content-Type: application/json\r\n\r\n"), Answer: repeat([]byte(" "), 10_000),
		},
		"half a body":      {Start: []byte(ok + "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")},
		"chunk extension":  {Start: []byte(chunked + "1;x="), Answer: repeat([]byte(a), 10)},
		"chunk extensions": {Start: []byte(chunked), Answer: repeat([]byte("1;x="+a+"\r\n{\r\n"), 10)},
		"trailer":          {Start: []byte(chunked + "2\r\n{}\r\n0\r\n"), Answer: repeat([]byte("X-A: "+a+"\r\n"), 10)},
		"half a trailer":   {Start: []byte(chunked + "2\r\n{}\r\n0\r\nX-A: a")},
		"upgrade": {
			Start:  []byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"),
			Answer: repeat([]byte("{"), 1000),
		},
	}
}

func http2() map[string]Behaviour {
	ok, indexed := []byte{0x88}, []byte{0xbe} // :status: 200, and the newest entry of the table (RFC 7541)
	entry := append([]byte{0x40, 1, 'z', 0x7f, 0xe1, 0x1e}, bytes.Repeat([]byte("a"), 4000)...)
	header := slices.Clip(frame(headers, endHeaders, 1, ok))
	padding := append([]byte{255}, make([]byte, 255)...)
	return map[string]Behaviour{
		"silence": {},
		// Go answers each, which nobody reads
		"padding":      {Start: header, Answer: repeat(frame(data, padded, 1, padding), 100)},
		"body":         {Start: header, Answer: repeat(frame(data, 0, 1, bytes.Repeat([]byte(" "), 16_000)), 1)},
		"empty data":   {Start: header, Answer: repeat(frame(data, 0, 1, nil), 1000)},
		"half a body":  {Start: append(header, frame(data, 0, 1, []byte("{"))...)},
		"continuation": {Start: frame(headers, 0, 1, ok), Answer: repeat(frame(continuation, 0, 1, nil), 1000)},
		"header": {
			Start:  frame(headers, 0, 1, append(ok, entry...)),
			Answer: repeat(frame(continuation, 0, 1, bytes.Repeat(indexed, 16_000)), 1),
		},
		"informational": {Answer: repeat(frame(headers, endHeaders, 1, []byte("\x08\x03103")), 100)},
		"ping":          {Answer: repeat(frame(ping, 0, 0, []byte("12345678")), 1000)},
		// as padding, but quicker
		"ping in a body": {Start: header, Answer: repeat(frame(ping, 0, 0, []byte("12345678")), 1000)},
		"ping after data": {
			Start:  append(header, frame(data, 0, 1, []byte(" {}"))...),
			Answer: repeat(frame(ping, 0, 0, []byte("12345678")), 1000),
		},
		"settings":       {Answer: repeat(frame(settings, 0, 0, []byte("\x00\x04\x00\x00\xff\xff")), 1000)},
		"window":         {Answer: repeat(frame(windowUpdate, 0, 0, []byte{0, 0, 0, 1}), 1000)},
		"resets":         {Answer: repeat(frame(reset, 0, 3, []byte{0, 0, 0, 7}), 1000)},
		"refused stream": {Start: frame(reset, 0, 1, []byte{0, 0, 0, 7})},
		"going away":     {Answer: repeat(frame(goAway, 0, 0, []byte("\x00\x00\x00\x01\x00\x00\x00\x00bye")), 10)},
	}
}

package servertest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/consentd/consentd/server/servertest"
)

// said sends text to an HTTP server as it is, and returns the status of each answer until the connection ends, and all
// that was answered. What the server leaves open is ended by the last request, if it asks for that, or after a second.
func said(t *testing.T, addr, text string) (codes []int, all string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		return nil, err.Error()
	}
	var raw strings.Builder
	in := bufio.NewReader(io.TeeReader(conn, &raw))
	for {
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			return codes, raw.String()
		}
		codes = append(codes, answer.StatusCode)
		_, _ = io.Copy(io.Discard, answer.Body)
		if answer.Close {
			return codes, raw.String()
		}
	}
}

// requestOf is a request that ends its connection.
func requestOf(line string, headers ...string) string {
	head := append([]string{line + " HTTP/1.1", "Host: localhost", "Connection: close"}, headers...)
	return strings.Join(head, "\r\n") + "\r\n\r\n"
}

// hostileRequest is what somebody sends to the HTTP address, and the status of the answers.
type hostileRequest struct {
	name, text string
	want       []int
}

func hostilePaths() (rows []hostileRequest) {
	for path, want := range map[string]int{
		"/metrics": 401, "//metrics": 307, "/healthz/../metrics": 307, "/./metrics": 307, "/metrics/": 404, "/METRICS": 404,
		"/%6detrics": 401, "/metrics%00": 404, "/metrics%0d%0aX-A:%20b": 404, "/metrics/..%2fhealthz": 404,
		"/healthz%2f..%2fmetrics": 404,
		"/healthz/..;/metrics":    404, "/healthz;/metrics": 404, "/metrics;x": 404, "/metrics?x=/healthz": 401, "/healthz/metrics": 404,
		"/%2e%2e/metrics": 404, "\\metrics": 400, "/metrics\\..\\healthz": 404, "/%zz": 400, "/.git/config": 404, "/debug/pprof/": 404,
		"/debug/pprof/heap": 404, "/debug/vars": 404, "http://localhost/metrics": 401, "http://evil.example/metrics": 401,
		"http://localhost/healthz/../metrics": 307, "metrics": 400, "*": 400, "/" + strings.Repeat("a/", 7_000): 404,
		"/" + strings.Repeat("a", 40_000): 431,
	} {
		rows = append(rows, hostileRequest{fmt.Sprintf("%.40s", path), requestOf("GET " + path), []int{want}})
	}
	for line, want := range map[string]int{
		"HEAD /metrics": 401, "POST /metrics": 405, "TRACE /metrics": 405, "PUT /metrics": 405, "DELETE /healthz": 405,
		"CONNECT localhost:7070": 404, "CONNECT /metrics": 405, "OPTIONS *": 200, "get /metrics": 405, "G\x00T /metrics": 400,
		"GET  /metrics": 400,
	} {
		rows = append(rows, hostileRequest{line, requestOf(line), []int{want}})
	}
	return rows
}

// hostileHeads are requests with headers that mean no good. Some have a credential that holds, by which nothing may be
// got all the same.
func hostileHeads(g *guarded) []hostileRequest {
	bearer := "Authorization: Bearer " + g.owner
	metrics := func(headers ...string) string { return requestOf("GET /metrics", headers...) }
	smuggled := "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	return []hostileRequest{
		{"without rights", metrics("Authorization: Bearer " + g.newcomer), []int{403}},
		{"a key in the query", requestOf("GET /metrics?access_token=" + g.owner), []int{401}},
		{"a key as a user of the URL", requestOf("GET http://x:" + g.owner + "@localhost/metrics"), []int{401}},
		{"a key as a cookie", metrics("Cookie: authorization=Bearer " + g.owner), []int{401}},
		{"two credentials, the good one first", metrics(bearer, "Authorization: Bearer x"), []int{401}},
		{"two credentials, the good one last", metrics("Authorization: Bearer x", bearer), []int{401}},
		{"a space before the colon", metrics("Authorization : Bearer " + g.owner), []int{400}},
		{"another scheme", metrics("Authorization: Basic " + g.owner), []int{401}},
		{"a key and more", metrics(bearer + ", Bearer x"), []int{401}},
		{"a proxy's word", metrics("X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Forwarded-User: owner"), []int{401}},
		{"another's certificate", metrics("X-Forwarded-Client-Cert: URI=spiffe://x/owner", "Ssl-Client-Verify: SUCCESS"), []int{401}},
		{"another path by header", metrics("X-Original-URL: /healthz", "X-Rewrite-URL: /healthz"), []int{401}},
		{"another method by header", requestOf("POST /metrics", "X-HTTP-Method-Override: GET", bearer), []int{405}},
		{"NUL in a header", metrics("Authorization: Bearer \x00" + g.owner), []int{400}},
		{"a line feed in a header's name", metrics("X-A\nAuthorization: Bearer " + g.owner), []int{400}},
		{"headers of 40 KB", metrics("X-A: " + strings.Repeat("a", 40_000)), []int{431}},
		{"5,000 headers", metrics(slices.Repeat([]string{"X-A: aaaa"}, 5_000)...), []int{431}},
		{"no host", "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n", []int{400}},
		{"two hosts", metrics("Host: other"), []int{400}},
		{"a host that is none", "GET /metrics HTTP/1.1\r\nHost: a/b c\r\nConnection: close\r\n\r\n", []int{400}},
		{"HTTP/0.9", "GET /metrics\r\n\r\n", []int{400}},
		{"HTTP/1.0 without a host", "GET /metrics HTTP/1.0\r\n\r\n", []int{401}},
		{"HTTP/3.7", "GET /metrics HTTP/3.7\r\nHost: localhost\r\n\r\n", []int{505}},
		{"an upgrade to HTTP/2", metrics("Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), []int{401}},
		{"HTTP/2 from the start", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{400}},
		{"lengths that contradict each other",
			requestOf("POST /healthz", "Content-Length: 4", "Content-Length: 5") + "abcde", []int{400}},
		{"a length below zero", requestOf("POST /healthz", "Content-Length: -1"), []int{400}},
		{"a length with a sign", requestOf("POST /healthz", "Content-Length: +5") + "abcde", []int{400}},
		{"an encoding that is none", requestOf("POST /healthz", "Transfer-Encoding: xchunked") + smuggled, []int{501}},
		{"an encoding twice", requestOf("POST /healthz", "Transfer-Encoding: chunked",
			"Transfer-Encoding: identity") + smuggled, []int{501}},
		{"length and encoding (smuggling)", strings.Replace(requestOf("POST /healthz", "Content-Length: 4",
			"Transfer-Encoding: chunked"), "close", "keep-alive", 1) + "0\r\n\r\n" + smuggled, []int{405, 401}},
		{"a chunk of no size", requestOf("POST /healthz", "Transfer-Encoding: chunked") + "zz\r\n" + smuggled, []int{405}},
		{"a body of 10 GB", requestOf("POST /metrics", "Content-Length: 10000000000"), []int{405}},
		{"a request after one that may", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" + smuggled, []int{200, 401}},
		{"a request after one with a key",
			"GET /readyz HTTP/1.1\r\nHost: localhost\r\n" + bearer + "\r\n\r\n" + smuggled, []int{200, 401}},
	}
}

// TestHostileHTTP: whatever is sent to the HTTP address of a server that asks who calls, the metrics are for those who
// may see them, no header but one counts as a credential, and others are served on.
func TestHostileHTTP(t *testing.T) {
	g := startGuarded(t, servertest.Options{}, "")
	for _, row := range append(hostilePaths(), hostileHeads(g)...) {
		got, all := said(t, g.HTTPAddr, row.text)
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: answered with %v, want %v: %.200q", row.name, got, row.want, all)
		}
		if strings.Contains(all, "consentd_") || strings.Contains(all, g.owner) {
			t.Errorf("%s: the answer has metrics, or the key: %.500q", row.name, all)
		}
	}
	got, all := said(t, g.HTTPAddr, requestOf("GET /metrics", "Authorization: Bearer "+g.owner))
	if !slices.Equal(got, []int{200}) || !strings.Contains(all, "consentd_build_info") {
		t.Errorf("who may see the metrics gets %v: %.200q", got, all)
	}
	g.expectServed(t)
}

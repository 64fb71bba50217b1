package servertest_test

import (
	octets "bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/consentd/consentd/server/servertest"
)

// rawCall is a call that is sent as it is.
type rawCall struct {
	headers []hpack.HeaderField
	body    []byte
}

// with returns the call with a header in the place of those of its name, or beside them.
func (c rawCall) with(name, value string) rawCall { return c.without(name).beside(name, value) }

func (c rawCall) without(name string) rawCall {
	c.headers = slices.DeleteFunc(slices.Clone(c.headers), func(h hpack.HeaderField) bool { return h.Name == name })
	return c
}

func (c rawCall) beside(name, value string) rawCall {
	at := len(c.headers)
	if strings.HasPrefix(name, ":") {
		at = 0
	}
	c.headers = slices.Insert(slices.Clone(c.headers), at, hpack.HeaderField{Name: name, Value: value})
	return c
}

func (c rawCall) saying(body []byte) rawCall {
	c.body = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
	return c
}

// goodCall is a check that is answered, as the bearer of a key.
func goodCall(t *testing.T, key string) rawCall {
	c := rawCall{body: message(t, aCheck)}
	for _, h := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":authority", "localhost"}, {":path", checkMethod},
		{"content-type", "application/grpc"}, {"te", "trailers"}, {"authorization", "Bearer " + key},
	} {
		c.headers = append(c.headers, hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	return c
}

// send sends the call on a connection of its own, and returns how the server ends it: the gRPC status with its message,
// that of HTTP, or what became of stream or connection.
func (c rawCall) send(t *testing.T, addr string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	var out, block octets.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, h := range c.headers {
		_ = encoder.WriteField(h)
	}
	f := http2.NewFramer(&out, conn)
	f.AllowIllegalWrites = true
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	out.WriteString(http2.ClientPreface)
	head := block.Bytes()
	first := head[:min(len(head), 16<<10)]
	err = errors.Join(f.WriteSettings(), f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: 1, BlockFragment: first, EndHeaders: len(first) == len(head),
	}))
	for rest := head[len(first):]; len(rest) > 0; {
		part := rest[:min(len(rest), 16<<10)]
		rest = rest[len(part):]
		err = errors.Join(err, f.WriteContinuation(1, len(rest) == 0, part))
	}
	for rest := c.body; len(rest) > 16<<10; rest, c.body = rest[16<<10:], rest[16<<10:] {
		err = errors.Join(err, f.WriteData(1, false, rest[:16<<10]))
	}
	err = errors.Join(err, f.WriteData(1, true, c.body))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.WriteTo(conn); err != nil {
		return "closed"
	}
	return endOfCall(f)
}

func endOfCall(f *http2.Framer) string {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return endOf(err)
		}
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame:
			return "RST " + frame.ErrCode.String()
		case *http2.GoAwayFrame:
			return "GOAWAY " + frame.ErrCode.String()
		case *http2.MetaHeadersFrame:
			if !frame.StreamEnded() {
				continue
			}
			var code, text string
			for _, h := range frame.Fields {
				switch h.Name {
				case "grpc-status":
					code = h.Value
				case "grpc-message":
					text = h.Value
				}
			}
			return "status " + code + " " + text
		}
	}
}

// TestHostileHeaders: calls whose headers or messages are not what gRPC's are.
func TestHostileHeaders(t *testing.T) {
	g := startGuarded(t, servertest.Options{}, "")
	good := goodCall(t, g.owner)
	bare := good.without("authorization")
	for name, row := range map[string]struct {
		call rawCall
		want string
	}{
		"as it should be":             {good, "status 0"},
		"nobody":                      {bare, "status 16"},
		"a key in capitals' header":   {bare.beside("Authorization", "Bearer "+g.owner), "RST PROTOCOL_ERROR"},
		"a key in binary":             {bare.beside("authorization-bin", "QmVhcmVyIHg="), "status 16"},
		"a proxy's key":               {bare.beside("proxy-authorization", "Bearer "+g.owner), "status 16"},
		"a forwarded certificate":     {bare.beside("x-forwarded-client-cert", "URI=spiffe://x/owner"), "status 16"},
		"another's name":              {bare.beside("x-forwarded-user", "owner").beside("x-consentd-caller", "key:owner"), "status 16"},
		"a key with a space after it": {good.with("authorization", "Bearer "+g.owner+" "), "status 16"},
		"a key with a tab before it":  {good.with("authorization", "Bearer \t"+g.owner), "status 16"},
		"a key with NUL":              {good.with("authorization", "Bearer "+g.owner+"\x00"), "RST PROTOCOL_ERROR"},
		"a key in two lines":          {good.with("authorization", "Bearer\r\n "+g.owner), "RST PROTOCOL_ERROR"},
		"a key cut off":               {good.with("authorization", "Bearer "+g.owner[:len(g.owner)-1]), "status 16"},
		"a key and a character":       {good.with("authorization", "Bearer "+g.owner+"A"), "status 16"},
		"a key in other case":         {good.with("authorization", "Bearer "+strings.ToUpper(g.owner)), "status 16"},
		"a key's hash":                {good.with("authorization", "Bearer consentd_"+strings.Repeat("a", 64)), "status 16"},
		"an empty key":                {good.with("authorization", "Bearer "), "status 16"},
		"a header of two lines":       {good.beside("x-a", "b\nauthorization: Bearer x"), "RST PROTOCOL_ERROR"},
		"a header's name of two":      {good.beside("x-a\r\nx-b", "c"), "RST PROTOCOL_ERROR"},
		"a header without a name":     {good.beside("", "c"), "RST PROTOCOL_ERROR"},
		"10,000 headers":              {tooMany(good), "closed"},
		"a header of 1 MB":            {good.beside("x-a", strings.Repeat("a", 1<<20)), "closed"},
		"bytes that are no base64":    {good.beside("x-a-bin", "%%%"), "status 13"},
		"a header of HTTP/1":          {good.beside("connection", "keep-alive"), "RST PROTOCOL_ERROR"},
		"a transfer encoding":         {good.beside("transfer-encoding", "chunked"), "status 0"},
		"a length that is wrong":      {good.beside("content-length", "1"), "status 0"},
		"two paths":                   {good.beside(":path", "/grpc.health.v1.Health/Check"), "RST PROTOCOL_ERROR"},
		"no path":                     {good.without(":path"), "status 12"},
		"a path after the headers":    {after1(good), "RST PROTOCOL_ERROR"},
		"two methods":                 {good.beside(":method", "GET"), "RST PROTOCOL_ERROR"},
		"GET":                         {good.with(":method", "GET"), "status 13"},
		"a pseudo header of its own":  {good.beside(":caller", "owner"), "RST PROTOCOL_ERROR"},
		"two authorities":             {good.beside("host", "a").beside("host", "b"), "status 13"},
		"JSON":                        {good.with("content-type", "application/json"), "status 3"},
		"gRPC-Web":                    {good.with("content-type", "application/grpc-web"), "status 3"},
		"no content type":             {good.without("content-type"), "status 3"},
		"two content types":           {good.beside("content-type", "text/html"), "status 0"},
		"an unknown codec":            {good.with("content-type", "application/grpc+json"), "status 0"},
		"an unknown compression":      {good.beside("grpc-encoding", "br"), "status 12"},
		"a timeout of nonsense":       {good.beside("grpc-timeout", "soon"), "status 13"},
		"a timeout below zero":        {good.beside("grpc-timeout", "-1S"), "status 13"},
		"a timeout of 9 digits":       {good.beside("grpc-timeout", "999999999H"), "status 13"},
		"a timeout of 11,000 years":   {good.beside("grpc-timeout", "99999999H"), "status 0"},
		"a timeout of nothing":        {good.beside("grpc-timeout", "0n"), "status 4"},
		"a message with a lie":        {rawCall{good.headers, append([]byte{0, 0, 0, 0xff, 0xff}, good.body[5:]...)}, "status 13"},
		"a message of another kind":   {rawCall{good.headers, append([]byte{7}, good.body[1:]...)}, "status 13"},
		"compressed, it says":         {rawCall{good.headers, append([]byte{1}, good.body[1:]...)}, "status 13"},
		"half a head":                 {rawCall{good.headers, good.body[:3]}, "status 13"},
		"two messages":                {rawCall{good.headers, slices.Concat(good.body, good.body)}, "status 13"},
		"no message":                  {rawCall{good.headers, nil}, "status 13"},
		"a message of groups":         {good.saying(slices.Repeat([]byte{0x0b}, 50_000)), "status 3"},
		"a length of 2^64":            {good.saying(append([]byte{0x0a}, slices.Repeat([]byte{0xff}, 9)...)), "status 3"},
		"a field of number 0":         {good.saying([]byte{0, 0}), "status 3"},
		"a message that is deep":      {good.saying(deepContext(6_000)), "status 3"},
		"a subject with NUL":          {good.saying(encodedCheck("a\x00b")), "status"},
		"a subject of half a rune":    {good.saying(encodedCheck("a\xe2\x82")), "status 3"},
	} {
		if got := row.call.send(t, g.Addr); !strings.HasPrefix(got, row.want) {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
	g.expectServed(t)
}

func tooMany(c rawCall) rawCall {
	for i := range 10_000 {
		c.headers = append(slices.Clip(c.headers), hpack.HeaderField{Name: fmt.Sprint("x-", i), Value: "a"})
	}
	return c
}

// after1 has its path after a header that is not one of HTTP/2's own.
func after1(c rawCall) rawCall {
	path := c.without(":path")
	path.headers = append(path.headers, hpack.HeaderField{Name: ":path", Value: checkMethod})
	return path
}

func encodedCheck(subject string) []byte {
	return slices.Concat(field(1, "example"), field(2, subject), field(3, "ai_training"))
}

// deepContext is a check whose context has lists in lists.
func deepContext(levels int) []byte {
	var value []byte
	for range levels {
		value = protowire.AppendBytes(protowire.AppendTag(nil, 6, protowire.BytesType), // list_value
			protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), value))
	}
	entry := slices.Concat(field(1, "a"), field(2, string(value)))
	return slices.Concat(encodedCheck("s"), field(6, string(field(1, string(entry)))))
}

package source

import "net/http"

// WithTransport returns c with something in the network's place.
func (c Config) WithTransport(t http.RoundTripper) Config {
	c.transport = t
	return c
}

// Unpack reads a bundle that need not be signed.
func Unpack(content []byte, maxBytes int64) (*Files, error) {
	return unpacker{maxBytes: maxBytes}.unpack(content)
}

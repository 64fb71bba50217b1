package source

import "net/http"

// WithTransport returns c with something in the network's place.
func (c Config) WithTransport(t http.RoundTripper) Config {
	c.transport = t
	return c
}

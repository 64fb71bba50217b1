package caller

import "github.com/consentd/consentd/server/consent"

// Identity is the caller as ledgers and records keep them: bounded, and without claims. That of an anonymous one is
// zero.
func (c *Caller) Identity() consent.Identity {
	if c == nil || c.Kind == "" || c.Kind == KindAnonymous {
		return consent.Identity{}
	}
	return consent.Identity{Kind: string(c.Kind), ID: c.ID, Issuer: c.Issuer}.Bounded()
}

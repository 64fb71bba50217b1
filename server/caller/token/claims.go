package token

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

const (
	// maxSubject bounds sub in bytes: it is a caller's id, in logs, records and policies.
	maxSubject = 256
	// maxDepth bounds how deep claims are nested; policies look at them.
	maxDepth = 8
)

// claims reads what was signed, once, into what everybody after reads: two readers could disagree on it.
func (c Config) claims(payload []byte) (*Verified, error) {
	var claims map[string]any
	if !utf8.Valid(payload) || json.Unmarshal(payload, &claims) != nil || claims == nil {
		return nil, refused("the token's claims are no JSON object")
	}
	subject, _ := claims["sub"].(string)
	switch {
	case claims["iss"] != c.Issuer:
		return nil, refused("the token is of another issuer: %s", shown(claims["iss"]))
	case !names(claims["aud"], c.Audience):
		return nil, refused("the token is for another audience: %s", shown(claims["aud"]))
	case subject == "" || len(subject) > maxSubject || strings.ContainsFunc(subject, unicode.IsControl):
		return nil, refused("the token's sub is not 1 to %d bytes of text", maxSubject)
	case deeper(claims, maxDepth):
		return nil, refused("the token's claims are nested deeper than %d", maxDepth)
	}
	expires, err := c.validity(claims)
	if err != nil {
		return nil, err
	}
	bearer := &caller.Caller{Kind: caller.KindToken, ID: subject, Issuer: c.Issuer, Claims: claims}
	return &Verified{Caller: bearer, Expires: expires}, nil
}

// validity returns from when on the claims do not hold any more, if they hold now.
func (c Config) validity(claims map[string]any) (time.Time, error) {
	times := map[string]time.Time{}
	for _, name := range []string{"exp", "nbf", "iat"} {
		value, given := claims[name]
		at, ok := date(value)
		switch {
		case !given && name == "exp":
			return time.Time{}, refused("the token has no exp")
		case given && !ok:
			return time.Time{}, refused("the token's %s is no time", name)
		case given:
			times[name] = at
		}
	}
	now, expires := c.Now(), times["exp"].Add(Skew)
	for _, name := range []string{"nbf", "iat"} {
		if at, given := times[name]; given && now.Before(at.Add(-Skew)) {
			return time.Time{}, refused("the token's %s is %v ahead of our clock", name, at.Sub(now).Round(time.Second))
		}
	}
	if !now.Before(expires) {
		return time.Time{}, fmt.Errorf("%w: %w",
			consent.ErrCredentialExpired, refused("the token expired %v ago", now.Sub(times["exp"]).Round(time.Second)))
	}
	return expires, nil
}

// latest is the year 9999, up to which times can be written.
const latest = 253_402_300_799

// date reads a NumericDate (RFC 7519, 2).
func date(value any) (time.Time, bool) {
	seconds, ok := value.(float64)
	if !ok || !(seconds > 0 && seconds <= latest) {
		return time.Time{}, false
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)), true
}

// names reports whether aud is the audience, or a list with it.
func names(aud any, audience string) bool {
	list, _ := aud.([]any)
	return aud == audience || slices.Contains(list, any(audience))
}

func deeper(value any, limit int) bool {
	if limit < 0 {
		return true
	}
	switch value := value.(type) {
	case map[string]any:
		for _, v := range value {
			if deeper(v, limit-1) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, func(v any) bool { return deeper(v, limit-1) })
	}
	return false
}

// shown is a claim, as far as it helps in a log.
func shown(claim any) string {
	if claim == nil {
		return "it names none"
	}
	return fmt.Sprintf("%.128q", fmt.Sprint(claim))
}

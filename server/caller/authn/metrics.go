package authn

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/caller/token"
	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/follow"
)

// noKind is of a call that shows no credential of a known kind.
const noKind caller.Kind = "none"

// kinds are those of credentials, in the order of counts.
var kinds = [...]caller.Kind{caller.KindCertificate, caller.KindToken, caller.KindKey, noKind}

// The outcomes of a look at a credential, in the order of counts.
const (
	accepted = iota
	refused
	expired
	unavailable
)

var outcomes = [...]string{accepted: "ok", refused: "refused", expired: "expired", unavailable: "unavailable"}

// counts has a number for each kind and outcome.
type counts [len(kinds)][len(outcomes)]atomic.Uint64

func (c *counts) ok(kind caller.Kind) { c[slices.Index(kinds[:], kind)][accepted].Add(1) }

func (c *counts) failed(kind caller.Kind, err error) {
	outcome := refused
	switch {
	case errors.Is(err, consent.ErrCredentialExpired):
		outcome = expired
	case errors.Is(err, consent.ErrIssuerUnavailable):
		outcome = unavailable
	}
	c[slices.Index(kinds[:], kind)][outcome].Add(1)
}

// thinned is how far apart the log's lines on credentials that do not hold are: whoever reaches the port can cause
// them.
const thinned = time.Second

// reasons tells the log why credentials do not hold.
type reasons struct {
	log *slog.Logger

	mu struct {
		sync.Mutex
		// last is when the last line was written, untold how many were left out since.
		last   time.Time
		untold int
	}
}

func (r *reasons) tell(kind caller.Kind, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if !r.mu.last.IsZero() && now.Sub(r.mu.last) < thinned {
		r.mu.untold++
		return
	}
	r.log.Warn("a call was refused", "credential", kind, "reason", err, "others_since", r.mu.untold)
	r.mu.last, r.mu.untold = now, 0
}

// What an Authenticator tells.
var (
	authentications = prometheus.NewDesc("consentd_authentications_total",
		"Looks at credentials: ok, refused, expired (it held before), unavailable (the keys of tokens' issuer are not to be had).",
		[]string{"kind", "outcome"}, nil)
	jwksRefreshes = prometheus.NewDesc("consentd_jwks_refreshes_total",
		"Fetches of the keys of tokens' issuer from a URL, and changes of their file.", []string{"outcome"}, nil)
	jwksKeys    = prometheus.NewDesc("consentd_jwks_keys", "Keys of tokens' issuer that can verify.", nil, nil)
	jwksFailing = prometheus.NewDesc("consentd_jwks_failing",
		"1 while the keys of tokens' issuer cannot be had and the last good ones count, or none.", nil, nil)
	tokenLookups = prometheus.NewDesc("consentd_token_cache_lookups_total",
		"Tokens that were verified before (hit) and that were not (miss).", []string{"result"}, nil)
	tokenEntries = prometheus.NewDesc("consentd_token_cache_entries", "Verified tokens that are remembered.", nil, nil)
	apiKeys      = prometheus.NewDesc("consentd_api_keys", "API keys in the file, also those that have expired.", nil, nil)
	apiKeysLoads = prometheus.NewDesc("consentd_api_keys_loads_total",
		"Contents of the file of API keys taken in since the start, and those that could not be.", []string{"outcome"}, nil)
	apiKeysFailing = prometheus.NewDesc("consentd_api_keys_failing",
		"1 while the file of API keys cannot be used and its last good content counts.", nil, nil)
)

// Describe implements prometheus.Collector.
func (a *Authenticator) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		authentications, jwksRefreshes, jwksKeys, jwksFailing, tokenLookups, tokenEntries, apiKeys, apiKeysLoads, apiKeysFailing,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector. What is not configured is told at zero, so that alarms need not know.
func (a *Authenticator) Collect(out chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	gauge := func(d *prometheus.Desc, value int) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value))
	}
	for i, kind := range kinds {
		for j, outcome := range outcomes {
			counter(authentications, a.counts[i][j].Load(), string(kind), outcome)
		}
	}
	var tokens token.Stats
	if a.tokens != nil {
		tokens = a.tokens.Stats()
	}
	counter(jwksRefreshes, tokens.Fetched, "ok")
	counter(jwksRefreshes, tokens.Failed, "failed")
	gauge(jwksKeys, tokens.Keys)
	gauge(jwksFailing, oneIf(tokens.Failing))
	counter(tokenLookups, tokens.Hits, "hit")
	counter(tokenLookups, tokens.Misses, "miss")
	gauge(tokenEntries, tokens.Remembered)
	var keys follow.Stats
	if a.keyFile != nil {
		keys = a.keyFile.Stats()
		gauge(apiKeys, len(*a.keys.Load()))
	} else {
		gauge(apiKeys, 0)
	}
	counter(apiKeysLoads, keys.Loaded, "loaded")
	counter(apiKeysLoads, keys.Failed, "failed")
	gauge(apiKeysFailing, oneIf(keys.Failing))
}

func oneIf(holds bool) int {
	if holds {
		return 1
	}
	return 0
}

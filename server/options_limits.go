package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/consentd/consentd/server/limit"
)

// limitsSettings are those of package limit.
func limitsSettings() []setting {
	return []setting{
		{name: "caller-rate", fallback: "0",
			usage: "checks per second that each caller may ask for, and as many at once; other calls count as one; 0: no bound",
			set:   setCount(func(o *options) *int { return &o.config.Limits.Each.Rate })},
		{name: "caller-concurrency", fallback: "0", usage: "calls that each caller may have under way; 0: no bound",
			set: setCount(func(o *options) *int { return &o.config.Limits.Each.Concurrency })},
		{name: "caller-limits", usage: "callers with bounds of their own: ID=RATE/CONCURRENCY,…, by the caller's id; 0: no bound",
			set: setCallerLimits},
		{name: "queue-target", fallback: limit.DefaultQueueTarget.String(),
			usage: "how long calls may wait on average before they run; beyond it clients are held back, then calls refused; or off",
			set:   durationOrOff(func(o *options) *time.Duration { return &o.config.Limits.QueueTarget })},
		{name: "max-connections", fallback: strconv.Itoa(limit.DefaultMaxConnections),
			usage: "connections to gRPC; the default is less where the limit of file descriptors is",
			set:   setNumber(func(o *options) *int { return &o.config.Limits.MaxConnections })},
		{name: "max-connections-per-address", usage: "of these, from one address; default half of them",
			set: setNumber(func(o *options) *int { return &o.config.Limits.MaxConnectionsPerAddress })},
		{name: "default-timeout", fallback: limit.DefaultTimeout.String(), usage: "deadline of unary calls that come without one; or off",
			set: durationOrOff(func(o *options) *time.Duration { return &o.config.Limits.Timeout })},
		{name: "connection-age", fallback: limit.DefaultConnectionAge.String(),
			usage: "after how long, a tenth more or less, a connection is to be made anew; or off",
			set:   durationOrOff(func(o *options) *time.Duration { return &o.config.Limits.ConnectionAge })},
	}
}

// setNumber takes a number from 1 on, setCount one from 0 on.
func setNumber(field func(*options) *int) func(*options, string) error {
	return setInt(field, 1, "give a whole number from 1 on")
}

func setCount(field func(*options) *int) func(*options, string) error {
	return setInt(field, 0, "give a whole number, or 0 for no bound")
}

func setInt(field func(*options) *int, least int, remedy string) func(*options, string) error {
	return func(o *options, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < least {
			return errors.New(remedy)
		}
		*field(o) = n
		return nil
	}
}

func durationOrOff(field func(*options) *time.Duration) func(*options, string) error {
	return func(o *options, value string) error {
		if value == "off" {
			*field(o) = limit.Off
			return nil
		}
		if setDuration(field)(o, value) != nil {
			return errors.New("give a duration above zero, such as 10s, or off")
		}
		return nil
	}
}

// setCallerLimits takes ID=RATE/CONCURRENCY, separated by commas. An id may have a = and a / in it, as those of SPIFFE
// do.
func setCallerLimits(o *options, value string) error {
	limits := map[string]limit.CallerLimit{}
	for one := range strings.SplitSeq(value, ",") {
		at := strings.LastIndex(one, "=")
		rate, concurrency, ok := strings.Cut(one[at+1:], "/")
		r, err1 := strconv.Atoi(rate)
		c, err2 := strconv.Atoi(concurrency)
		id := strings.TrimSpace(one[:max(at, 0)])
		_, twice := limits[id]
		if err := errors.Join(err1, err2); err != nil || !ok || id == "" || r < 0 || c < 0 || twice {
			return errors.New("give each caller once, as ID=RATE/CONCURRENCY, such as mailer=5000/64,batch=200/4")
		}
		limits[id] = limit.CallerLimit{Rate: r, Concurrency: c}
	}
	o.config.Limits.Callers = limits
	return nil
}

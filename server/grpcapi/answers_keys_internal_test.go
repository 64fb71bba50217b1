package grpcapi

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/authz"
	"github.com/consentd/consentd/server/caller"
	"github.com/consentd/consentd/server/consent"
)

func consistent(c *consentv1.Consistency) func(*consentv1.CheckRequest) {
	return func(r *consentv1.CheckRequest) { r.Consistency = c }
}

var (
	minimize = &consentv1.Consistency{Requirement: &consentv1.Consistency_MinimizeLatency{MinimizeLatency: true}}
	fully    = &consentv1.Consistency{Requirement: &consentv1.Consistency_FullyConsistent{FullyConsistent: true}}
	fresh    = &consentv1.Consistency{Requirement: &consentv1.Consistency_AtLeastAsFresh{AtLeastAsFresh: "a token"}}
	stale    = &consentv1.Consistency{Requirement: &consentv1.Consistency_MinimizeLatency{}}
)

// TestKeysHaveNoConsistency: what a request demands of the state is judged by itself, and what cannot be judged here
// has no key.
func TestKeysHaveNoConsistency(t *testing.T) {
	plain := encodedCheck(t, "u")
	with := func(c *consentv1.Consistency) []byte { return encodedCheck(t, "u", consistent(c)) }
	inFront := append(with(minimize)[len(plain):], plain...)
	between := append(append(append([]byte{}, plain[:9]...), with(fresh)[len(plain):]...), plain[9:]...)
	number := protowire.AppendVarint(protowire.AppendTag(plain[:len(plain):len(plain)], 7, protowire.VarintType), 1)
	badToken := protowire.AppendTag(plain[:len(plain):len(plain)], 7, protowire.BytesType)
	badToken = protowire.AppendBytes(badToken, protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), "\xff"))
	for name, row := range map[string]struct {
		data  []byte
		key   []byte
		token string
	}{
		"none":                    {data: plain, key: plain},
		"minimize_latency":        {data: with(minimize), key: plain},
		"a token":                 {data: with(fresh), key: plain, token: "a token"},
		"in front":                {data: inFront, key: plain},
		"in between":              {data: between, key: plain, token: "a token"},
		"fully consistent":        {data: with(fully)},
		"minimize_latency: false": {data: with(stale)},
		"an empty one":            {data: with(&consentv1.Consistency{})},
		"two":                     {data: append(with(minimize), with(minimize)[len(plain):]...)},
		"another type":            {data: number},
		"a token that is no text": {data: badToken},
		"cut off":                 {data: plain[:len(plain)-1]},
	} {
		q := &asked{kind: checking, data: row.data}
		newAnswers(1 << 20).look(q)
		if string(q.key) != string(row.key) || q.key != nil && q.consistency != (authz.Consistency{Token: row.token}) {
			t.Errorf("%s: key %q, %+v; want %q, %q", name, q.key, q.consistency, row.key, row.token)
		}
	}
}

// FuzzKey: a request is its key and its consistency, as protobuf reads them.
func FuzzKey(f *testing.F) {
	f.Add(encodedCheck(f, "u"))
	f.Add(encodedCheck(f, "u", consistent(minimize)))
	f.Add(append(encodedCheck(f, "u", consistent(fresh)), encodedCheck(f, "v")...))
	f.Add(encodedCheck(f, "u", consistent(fully)))
	f.Add([]byte("\x3a\x00\x3b\x3c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		q := &asked{kind: checking, data: data}
		key, c, ok := q.split()
		var whole, rest consentv1.CheckRequest
		if err := proto.Unmarshal(data, &whole); err != nil || !ok {
			return // it is refused, or decided each time
		}
		if err := proto.Unmarshal(key, &rest); err != nil {
			t.Fatalf("%x, the key of %x: %v", key, data, err)
		}
		if got := consistencyOf(whole.GetConsistency()); got != c {
			t.Errorf("%x demands %+v, want %+v", data, c, got)
		}
		if whole.Consistency != nil && !plainConsistency(whole.GetConsistency()) {
			t.Errorf("%x is to be refused for %v", data, whole.GetConsistency())
		}
		if whole.Consistency = nil; !proto.Equal(&whole, &rest) {
			t.Errorf("%x has the key of %x", data, key)
		}
	})
}

// TestACollisionShowsNobodysAnswer: the bytes are compared, whatever the hash, and so is what they are.
func TestACollisionShowsNobodysAnswer(t *testing.T) {
	a := newAnswers(1 << 20)
	whose := &answer{kind: checking, key: "one"}
	never := func(*answer) bool { return false }
	a.table.Put(a.hash(checking, []byte("two")), 1, whose, never, never)
	a.table.Put(a.hash(listing, []byte("one")), 1, whose, never, never)
	for _, q := range []*asked{{kind: checking, data: []byte("two")}, {kind: listing, data: []byte("one")}} {
		if a.look(q); q.found != nil {
			t.Errorf("%q found the answer to another request", q.data)
		}
	}
}

// TestWhatOneAsksOnceIsNotKept, nor what is too large.
func TestWhatOneAsksOnceIsNotKept(t *testing.T) {
	a := newAnswers(1 << 20)
	q := &asked{data: encodedCheck(t, "u")}
	for n, want := range []bool{false, true, true} {
		if a.look(q); a.takes(q) != want {
			t.Errorf("asked %d times: taken in: %v", n+1, !want)
		}
	}
	large := &asked{data: make([]byte, maxKeyBytes+1)}
	for range 3 {
		if a.look(large); a.takes(large) {
			t.Error("a large request is taken in")
		}
	}
	var none *answers
	if none.look(q); q.key != nil || none.takes(q) {
		t.Error("nothing is remembered, but this is")
	}
}

// forbidding forbids, once it is told to.
type forbidding struct{ on bool }

func (f *forbidding) Permit(context.Context, *caller.Caller, caller.Act) error {
	if f.on {
		return consent.ErrForbidden
	}
	return nil
}

// TestPermissionIsAskedEachTime: that an answer is remembered lets nobody have it.
func TestPermissionIsAskedEachTime(t *testing.T) {
	r := newRemembering(t, 1<<20)
	gate := &forbidding{}
	r.access = gate
	r.record(t, "u", consent.Given)
	data := encodedCheck(t, "u")
	for range 3 {
		r.ask(t, data)
	}
	if _, remembered := r.ask(t, data); !remembered {
		t.Fatal("it is not remembered")
	}
	gate.on = true
	if _, err := r.call(data); !errors.Is(err, consent.ErrForbidden) {
		t.Errorf("a check: %v", err)
	}
	batch, err := r.batch(t, data)
	if err != nil || batch.GetResults()[0].GetError().GetCode() != 7 {
		t.Errorf("a batch: %v, %v", batch, err)
	}
	list := encodedList(t, "u")
	if _, err := r.list(list); !errors.Is(err, consent.ErrForbidden) {
		t.Errorf("a list: %v", err)
	}
}

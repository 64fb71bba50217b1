package main

import (
	"bytes"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

func TestRecordsAreReadAsTheyWereWritten(t *testing.T) {
	want := []record{
		{
			Kind: wrote, Mode: fullyConsistent, Code: uint8(codes.Aborted), Flags: fenced | duplicate, Node: anyNode, Client: 3,
			Subject: 60_000, N: 1 << 30, Start: 1, End: never, Revision: 1 << 63, Demanded: 7, Sum: 8, Token: [maxToken]byte{1, 47: 2},
		},
		{Kind: marked, Start: 5},
	}
	var all []byte
	for i := range want {
		all = want[i].append(all)
	}
	var got []record
	if err := readAll(bytes.NewReader(all), func(group []record) { got = append(got, group...) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("read %v, want %v", got, want)
	}
	if err := readAll(bytes.NewReader(all[:len(all)-1]), func([]record) {}); err == nil {
		t.Error("half a record is no error")
	}
}

// A consent's expiry tells its write.
func TestExpiryTellsTheWrite(t *testing.T) {
	p := plan{Began: time.Now().Unix()}
	for n, want := range map[time.Duration]uint32{0: 0, 1: 1, 77_777: 77_777, -1: 0} {
		if got := p.numberOf(p.expiry(0).Add(n * time.Second)); got != want {
			t.Errorf("numberOf the expiry of %d = %d", n, got)
		}
	}
	if got := p.numberOf(p.expiry(3).Add(time.Millisecond)); got != 0 {
		t.Errorf("an expiry of no write is that of %d", got)
	}
}

func TestLedger(t *testing.T) {
	lost := given(nil)
	lost.k.subjects[0].writes[1].lost = true
	for name, test := range map[string]struct {
		history history
		ledger  map[int]uint64
		want    []rule
	}{
		"right":                     {given(nil), map[int]uint64{1: 1, 2: 2}, nil},
		"acknowledged and missing":  {given(nil), map[int]uint64{1: 1}, []rule{ruleLedger}},
		"not acknowledged":          {given(failed), map[int]uint64{1: 1}, nil},
		"another revision":          {given(nil), map[int]uint64{1: 2, 2: 1}, []rule{ruleRevisions}},
		"a revision is missing":     {given(failed), map[int]uint64{1: 1, 2: 3}, []rule{ruleRevisions}},
		"a revision is taken twice": {given(failed), map[int]uint64{1: 1, 2: 1}, []rule{ruleRevisions}},
		"lost and there":            {lost, map[int]uint64{1: 1, 2: 2}, []rule{ruleLost}},
	} {
		t.Run(name, func(t *testing.T) {
			test.history.k.judgeLedger(0, ledger{test.ledger})
			requireBroken(t, test.history.k, test.want...)
		})
	}
}

// What is lost is the newest of all.
func TestMarkLost(t *testing.T) {
	for name, test := range map[string]struct {
		kept ledger
		lost int
		want []rule
	}{
		"the newest":   {ledger{{1: 1}}, 1, nil},
		"all":          {ledger{{}}, 2, nil},
		"not the last": {ledger{{2: 2}}, 1, []rule{ruleLost}},
		"none":         {ledger{{1: 1, 2: 2}}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := given(nil)
			l := loss{world: &world{checker: h.k}, from: 50, replaced: 60}
			if got := l.markLost(test.kept); len(got) != test.lost {
				t.Errorf("lost %v, want %d", got, test.lost)
			}
			requireBroken(t, h.k, test.want...)
		})
	}
}

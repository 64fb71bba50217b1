package client

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/proto/consent/v1/wire"
)

// ErrStoreMismatch is the error, by errors.Is, of calls that show that the servers behind a client do not share a
// store: what is written through one is not part of the state behind another's answers, not even a withdrawal. A server
// has refused the token of the client's or session's newest write, because its store is another or has lost that write,
// has answered or written with another store than the first that was heard of, or Dial has asked servers that it was
// given by their addresses. It has the gRPC status FAILED_PRECONDITION. Events whose RecordEvents ends with it are
// recorded, in the other store.
//
// A token is never dropped: as long as the servers do not share a store, calls that meet it fail. Give the client
// servers of one store. Where a store was replaced, or an older copy of it restored, make a new client or session.
var ErrStoreMismatch = errors.New("the servers do not share a store")

// storeMismatch is an ErrStoreMismatch with what showed it.
type storeMismatch struct{ what string }

// Error says what is wrong and what to do.
func (e *storeMismatch) Error() string {
	const remedy = "give the client servers of one store; after a store was replaced make a new client or session"
	return fmt.Sprintf("%v: %s: %s", ErrStoreMismatch, e.what, remedy)
}

// Is makes it an ErrStoreMismatch.
func (e *storeMismatch) Is(target error) bool { return target == ErrStoreMismatch }

// GRPCStatus is that of an error which repeating the call does not mend.
func (e *storeMismatch) GRPCStatus() *status.Status {
	return status.New(codes.FailedPrecondition, e.Error())
}

// home is the store of a client or session: the first that it heard of. It is safe for concurrent use.
type home struct {
	// store is nil until a token was heard that could be read.
	store atomic.Pointer[storeID]
	// torn says that there were writes to more than one store, so that no server knows them all.
	torn atomic.Bool
}

// hear is the mismatch of a token of another store; nil also for a token that is of no known version.
func (h *home) hear(text string) error {
	t, err := wire.ParseToken(text)
	if err != nil {
		return nil
	}
	known := h.store.Load()
	if known == nil {
		known = h.settle(t.StoreID)
	}
	if *known != t.StoreID {
		return &storeMismatch{fmt.Sprintf("an answer is of store %v, earlier ones are of store %v", storeID(t.StoreID), *known)}
	}
	return nil
}

// settle returns the home's store, which is id if there was none. It is apart so that only here id escapes to the heap.
func (h *home) settle(id storeID) *storeID {
	h.store.CompareAndSwap(nil, &id)
	return h.store.Load()
}

// freshness is the newest write that later checks must reflect, and the store that it is in. nil demands nothing. It is
// safe for concurrent use.
type freshness struct {
	// home is shared by the sessions of a client over several servers.
	home   *home
	newest atomic.Pointer[write]
	// client is, for a session, what its client over several servers knows: all writes, the session's too. nil: the
	// client knows of none.
	client *freshness
}

// demanded is the write that later checks must reflect; nil: none.
func (f *freshness) demanded() *write {
	if f.client != nil {
		return f.client.newest.Load()
	}
	return f.newest.Load()
}

// write is immutable.
type write struct {
	token    string
	revision uint64
	demand   *consentv1.Consistency
}

// written remembers a write, unless a newer one is known: of writes made at once the answers come in any order. A
// revision of 0 is that of a server that does not tell; it acknowledges in order.
func (f *freshness) written(token string, revision uint64) error {
	if f == nil || token == "" {
		return nil
	}
	if err := f.home.hear(token); err != nil {
		f.home.torn.Store(true)
		return &storeMismatch{"the events are recorded, but " + err.(*storeMismatch).what}
	}
	w := &write{token: token, revision: revision}
	w.demand = AtLeastAsFresh(w.token)
	for {
		before := f.newest.Load()
		if before != nil && w.revision != 0 && before.revision > w.revision || f.newest.CompareAndSwap(before, w) {
			return nil
		}
	}
}

// within returns the token that a decision of this store must reflect, empty: none; false: only a server can tell
// whether it does.
func (f *freshness) within(store storeID) (token string, ok bool) {
	if f == nil {
		return "", true
	}
	known := f.home.store.Load()
	if f.home.torn.Load() || known != nil && *known != store {
		return "", false
	}
	if w := f.demanded(); w != nil {
		token = w.token
	}
	return token, true
}

// terms are what one call asks with; its end must be settled.
type terms struct {
	fresh       *freshness
	consistency *consentv1.Consistency
	// own says that the consistency is not the caller's but that of a write.
	own bool
}

// terms are the consistency that the caller chose, else that of the newest write.
func (f *freshness) terms(asked *consentv1.Consistency) (terms, error) {
	if f == nil {
		return terms{consistency: asked}, nil
	}
	if f.home.torn.Load() {
		return terms{}, &storeMismatch{"events were recorded in more than one"}
	}
	w := f.demanded()
	if w == nil || asked != nil && !asked.GetMinimizeLatency() {
		return terms{fresh: f, consistency: asked}, nil
	}
	return terms{f, w.demand, true}, nil
}

// settle is the error of a call that ended with err, or with an answer that has these tokens.
func (t terms) settle(err error, tokens ...string) error {
	if t.fresh == nil {
		return err
	}
	if t.disowned(err) {
		return &storeMismatch{"a server refuses the token of a write: " + status.Convert(err).Message()}
	}
	for i := 0; err == nil && i < len(tokens); i++ {
		err = t.fresh.home.hear(tokens[i])
	}
	return err
}

// disowned reports whether err is that a server refuses a token which it would know if it shared the store, with all
// its history: that of a write, or one that the caller chose and that is of the store of all other answers.
func (t terms) disowned(err error) bool {
	if !refusesToken(err) {
		return false
	}
	if t.own {
		return true
	}
	asked, err := wire.ParseToken(t.consistency.GetAtLeastAsFresh())
	known := t.fresh.home.store.Load()
	return err == nil && known != nil && *known == asked.StoreID
}

// refusesToken reports whether a server says that its store is another than the token's, or has lost what the token
// stands for.
func refusesToken(err error) bool {
	code := status.Code(err)
	return (code == codes.InvalidArgument || code == codes.FailedPrecondition) && slices.ContainsFunc(Violations(err), ofToken)
}

// ofToken says that a violation is of the token that was demanded.
func ofToken(v *consentv1.FieldViolation) bool {
	return v.GetField() == "consistency.at_least_as_fresh"
}

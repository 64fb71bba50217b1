package authz

import (
	"bytes"
	"context"
	"fmt"

	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

// AppendToken appends the consistency token of a revision of this store to text. It carries the mark of the history
// where that is in memory, as it is of the newest revisions.
func (a *Authorizer) AppendToken(text []byte, r consent.Revision) []byte {
	t := wire.Token{StoreID: a.config.StoreID, Revision: uint64(r)}
	if a.config.Marks != nil {
		var mark consent.HistoryMark
		mark, t.Marked = a.config.Marks.Get(r)
		t.Mark = uint32(mark)
	}
	newest := a.newest.Load()
	if newest != nil && newest.token == t {
		return append(text, newest.text...)
	}
	end := len(text)
	text = t.Append(text)
	if newest == nil || newest.token.Revision <= t.Revision {
		a.newest.Store(&encodedToken{t, bytes.Clone(text[end:])})
	}
	return text
}

// encodedToken is a token with its text. That of the newest revision is most answers': to encode it for each took a
// seventh of what the answer to a check that is remembered takes.
type encodedToken struct {
	token wire.Token
	text  []byte
}

// parse reads a token; the zero one for none. Its error wraps consent.ErrBadToken.
func (a *Authorizer) parse(token string) (wire.Token, error) {
	if token == "" {
		return wire.Token{}, nil
	}
	t, err := wire.ParseToken(token)
	if err != nil {
		return wire.Token{}, fmt.Errorf("%w: %w", consent.ErrBadToken, err)
	}
	if t.StoreID != a.config.StoreID {
		return wire.Token{}, fmt.Errorf("%w: it is of another store", consent.ErrBadToken)
	}
	return t, nil
}

// confirm refuses a token of changes that the store does not have, by consent.ErrHistoryLost. A call that has one
// confirms it before it reads, and again after: what was read in between may be of a history that took the place of the
// token's. Only what this node does not know the store is asked.
func (a *Authorizer) confirm(ctx context.Context, t wire.Token) error {
	if t.Revision == 0 || a.known(t) || !t.Marked && consent.Revision(t.Revision) <= a.config.States.Applied() {
		return nil
	}
	return a.ask(ctx, t)
}

// confirmAfter is confirm after a read. What this node has in memory is of the history that it knows; what the store
// answered by itself may be of another, which this node has not noticed yet: the store is asked.
func (a *Authorizer) confirmAfter(ctx context.Context, t wire.Token, read *consent.Snapshot) error {
	switch {
	case !t.Marked:
		return nil
	case read.Until != 0:
		return a.confirm(ctx, t)
	}
	return a.ask(ctx, t)
}

// known reports whether the mark of a token is that in memory.
func (a *Authorizer) known(t wire.Token) bool {
	if !t.Marked || a.config.Marks == nil {
		return false
	}
	mark, found := a.config.Marks.Get(consent.Revision(t.Revision))
	return found && uint32(mark) == t.Mark
}

// ask asks the store for the revision of a token; nil: it has it, in the same history.
func (a *Authorizer) ask(ctx context.Context, t wire.Token) error {
	mark, found, err := a.config.States.Mark(ctx, consent.Revision(t.Revision))
	switch {
	case err != nil:
		return fmt.Errorf("checking a consistency token: %w", err)
	case !found:
		return fmt.Errorf("%w: it is of revision %d, which the store does not have", consent.ErrHistoryLost, t.Revision)
	case t.Marked && uint32(mark) != t.Mark:
		return fmt.Errorf("%w: the store has another change of revision %d", consent.ErrHistoryLost, t.Revision)
	}
	return nil
}

package authz

import (
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
	return t.Append(text)
}

// revisionOf returns the revision that a token demands; zero for none. Its error wraps consent.ErrBadToken, or
// consent.ErrHistoryLost where the token is of changes that the store does not have: a call may demand only what is in
// the store. Only where this node does not know the store is asked.
func (a *Authorizer) revisionOf(ctx context.Context, token string) (consent.Revision, error) {
	if token == "" {
		return 0, nil
	}
	t, err := wire.ParseToken(token)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", consent.ErrBadToken, err)
	}
	if t.StoreID != a.config.StoreID {
		return 0, fmt.Errorf("%w: it is of another store", consent.ErrBadToken)
	}
	r := consent.Revision(t.Revision)
	switch {
	case a.known(t):
	case !t.Marked && r <= a.config.States.Applied():
	default:
		return r, a.ask(ctx, t)
	}
	return r, nil
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

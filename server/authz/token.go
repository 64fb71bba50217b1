package authz

import (
	"fmt"

	"github.com/consentd/consentd/proto/consent/v1/wire"
	"github.com/consentd/consentd/server/consent"
)

// AppendToken appends the consistency token of a revision of this store to text.
func (a *Authorizer) AppendToken(text []byte, r consent.Revision) []byte {
	return wire.Token{StoreID: a.config.StoreID, Revision: uint64(r)}.Append(text)
}

// revisionOf returns the revision that a token demands; zero for none. Its error wraps consent.ErrBadToken: a call may demand
// only what has been applied to this store.
func (a *Authorizer) revisionOf(token string) (consent.Revision, error) {
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
	revision := consent.Revision(t.Revision)
	if applied := a.config.States.Applied(); revision > applied {
		return 0, fmt.Errorf("%w: its revision %d is beyond this store's, %d: was an older copy of the store restored?",
			consent.ErrBadToken, revision, applied)
	}
	return revision, nil
}

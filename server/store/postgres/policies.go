package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/policy/shared"
)

// Policies are the sets and activations of policies in the store, for all of its nodes. They need no feed, so that a
// node reads them before it follows.
type Policies struct{ store *Store }

var _ shared.Sets = Policies{}

// Policies are those of the store.
func (s *Store) Policies() Policies { return Policies{s} }

const (
	putSet = `INSERT INTO consentd.policy_sets (digest, revision, controllers, files) VALUES ($1, $2, $3, $4)
		ON CONFLICT (digest) DO NOTHING`

	// hasSet tells why nothing was activated.
	hasSet = `SELECT EXISTS (SELECT FROM consentd.policy_sets WHERE digest = $1)`

	// activate makes the activation after the newest. Of two at once the second waits for the first, by their number,
	// and is none if that one is made.
	activate = `INSERT INTO consentd.activations
			(number, digest, previous, proven_by, prover, activated_at, by_kind, by_id, by_issuer)
		SELECT $1::bigint, digest, $3, $4, $5, $6, $7, $8, $9 FROM consentd.policy_sets
		WHERE digest = $2 AND (SELECT coalesce(max(number), 0) FROM consentd.activations) = $1::bigint - 1
		ON CONFLICT (number) DO NOTHING RETURNING number`

	fetchSet = `SELECT pg_is_in_recovery(), (SELECT files FROM consentd.policy_sets WHERE digest = $1)`

	// readActivations has a row without a number where there is none.
	readActivations = `SELECT pg_is_in_recovery(), a.number, a.digest, s.revision, s.controllers, a.previous, a.proven_by, a.prover,
			a.activated_at, a.by_kind, a.by_id, a.by_issuer
		FROM consentd.head h
		LEFT JOIN (SELECT * FROM consentd.activations ORDER BY number DESC LIMIT $1) a ON true
		LEFT JOIN consentd.policy_sets s ON s.digest = a.digest
		ORDER BY a.number DESC`
)

// Put implements shared.Sets.
func (p Policies) Put(ctx context.Context, set shared.Set) error {
	controllers := append([]string{}, set.Controllers...) // none is an empty list, no NULL
	err := p.store.transact(ctx, func(b *pgx.Batch) {
		b.Queue(putSet, set.Digest, set.Revision, controllers, set.Packed)
		b.Queue(noLimit)
	})
	if err != nil {
		return unavailable(ctx, "putting policies", err)
	}
	return nil
}

// Activate implements shared.Sets. Other nodes are hinted at it.
func (p Policies) Activate(ctx context.Context, a shared.Activation) error {
	var made, kept bool
	err := p.store.transact(ctx, func(b *pgx.Batch) {
		b.Queue(activate, int64(a.Number), a.Digest, a.Previous, a.ProvenBy, a.Prover, a.At.Time(), a.By.Kind, a.By.ID, a.By.Issuer).
			QueryRow(func(row pgx.Row) error {
				var number int64
				err := row.Scan(&number)
				if made = err == nil; errors.Is(err, pgx.ErrNoRows) {
					return nil
				}
				return err
			})
		b.Queue(hasSet, a.Digest).QueryRow(func(row pgx.Row) error { return row.Scan(&kept) })
		b.Queue(noLimit)
	})
	switch {
	case err != nil:
		return unavailable(ctx, "activating policies", err)
	case made:
		p.store.Hint()
		return nil
	case !kept:
		return shared.ErrNoSet
	default:
		return consent.ErrPolicyRevision
	}
}

// Current implements shared.Sets.
func (p Policies) Current(ctx context.Context) (shared.Activation, bool, error) {
	newest, err := p.History(ctx, 1)
	if err != nil || len(newest) == 0 {
		return shared.Activation{}, false, err
	}
	return newest[0], true, nil
}

// Fetch implements shared.Sets.
func (p Policies) Fetch(ctx context.Context, digest string) ([]byte, error) {
	var standby bool
	var files []byte
	err := p.ask(ctx, func(conn querier) error { return conn.QueryRow(ctx, fetchSet, digest).Scan(&standby, &files) }, &standby)
	switch {
	case err != nil:
		return nil, unavailable(ctx, "fetching policies", err)
	case files == nil:
		return nil, shared.ErrNoSet
	}
	return files, nil
}

// History implements shared.Sets.
func (p Policies) History(ctx context.Context, limit int) (newest []shared.Activation, err error) {
	var r activationRow
	err = p.ask(ctx, func(conn querier) error {
		rows, err := conn.Query(ctx, readActivations, int64(limit))
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, r.into(), func() error {
			if r.number != nil {
				newest = append(newest, r.activation())
			}
			return nil
		})
		return err
	}, &r.standby)
	if err != nil {
		return nil, unavailable(ctx, "reading activations of policies", err)
	}
	return newest, nil
}

// ask asks the primary. Standby is set by what was read, where another server answered.
func (p Policies) ask(ctx context.Context, read func(querier) error, standby *bool) error {
	conn, err := p.store.acquire(ctx, p.store.primary)
	if err != nil {
		return err
	}
	defer conn.Release()
	if err = read(conn); err == nil && *standby {
		err = errStandby
	}
	p.store.primary.suspect(err)
	return err
}

// activationRow is a row of readActivations; where there is no activation its fields are nil.
type activationRow struct {
	standby                                                              bool
	number                                                               *int64
	digest, revision, previous, provenBy, prover, byKind, byID, byIssuer *string
	controllers                                                          []string
	at                                                                   *time.Time
}

func (r *activationRow) into() []any {
	return []any{
		&r.standby, &r.number, &r.digest, &r.revision, &r.controllers, &r.previous, &r.provenBy, &r.prover, &r.at, &r.byKind, &r.byID,
		&r.byIssuer,
	}
}

func (r *activationRow) activation() shared.Activation {
	return shared.Activation{
		Number: uint64(*r.number), Digest: *r.digest, Revision: *r.revision, Controllers: slices.Clone(r.controllers),
		Previous: *r.previous, ProvenBy: *r.provenBy, Prover: *r.prover, At: consent.InstantOf(*r.at),
		By: consent.Identity{Kind: *r.byKind, ID: *r.byID, Issuer: *r.byIssuer},
	}
}

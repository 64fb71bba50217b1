package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/consentd/consentd/server/consent"
	"github.com/consentd/consentd/server/store/change"
)

// judgeRules refuses states that were folded by other rules than this program's, with what to do.
func judgeRules(rules int) error {
	switch {
	case rules > consent.FoldingRules:
		return fmt.Errorf("the states were folded by the newer rules %d, this program knows %d: use a newer consentd",
			rules, consent.FoldingRules)
	case rules < consent.FoldingRules:
		return fmt.Errorf("the states were folded by the older rules %d, this program has %d: stop all nodes and run "+
			"`consentd migrate --store …`", rules, consent.FoldingRules)
	}
	return nil
}

// refold folds the states anew that an older version of this program folded by other rules, from their ledgers. It
// happens once: the head then remembers the rules. Interrupted, it goes on where it was, because a state tells by which
// rules it was folded.
func refold(ctx context.Context, url string, log *slog.Logger) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	var rules int
	if err := conn.QueryRow(ctx, "SELECT folding FROM consentd.head").Scan(&rules); err != nil {
		return err
	}
	if rules > consent.FoldingRules {
		return judgeRules(rules)
	}
	if rules == consent.FoldingRules {
		return nil
	}
	r := refolding{conn: conn, log: log}
	for _, table := range []refolded{states, people} {
		if err := r.pass(ctx, table); err != nil {
			return fmt.Errorf("folding the states anew: %w", err)
		}
	}
	_, err = conn.Exec(ctx, "UPDATE consentd.head SET folding = $1", consent.FoldingRules)
	return err
}

// refoldPage is how many states are looked at in one transaction.
const refoldPage = 256

// refolded is a table of states: its key beside the controller, and how a row is folded anew.
type refolded struct {
	table, key string
	refold     func(row []byte, key string, ledger func(id string) ([]consent.Entry, error)) ([]byte, error)
}

var (
	states = refolded{table: "states", key: "subject", refold: change.Refold}
	people = refolded{
		table: "people", key: "key",
		refold: func(row []byte, _ string, ledger func(string) ([]consent.Entry, error)) ([]byte, error) {
			return change.RefoldPerson(row, ledger)
		},
	}
)

// refolding is a pass over the states.
type refolding struct {
	conn *pgx.Conn
	log  *slog.Logger
	done int
}

// kept is a row of states or people.
type kept struct{ controller, key, row []byte }

// pass looks at all rows of a table, page by page, each under the head's lock: nobody writes meanwhile.
func (r *refolding) pass(ctx context.Context, t refolded) error {
	from := kept{controller: []byte{}, key: []byte{}}
	for {
		var page []kept
		err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) (err error) {
			if page, err = t.page(ctx, tx, from); err != nil {
				return err
			}
			return r.renew(reader{ctx, tx}, t, page)
		})
		if err != nil || len(page) < refoldPage {
			return err
		}
		from = page[len(page)-1]
		from.key = append(from.key, 0) // the least key after it
	}
}

func (t *refolded) page(ctx context.Context, tx pgx.Tx, from kept) (page []kept, err error) {
	if _, err := tx.Exec(ctx, lockHead); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(`SELECT controller, %[2]s, row FROM consentd.%[1]s
		WHERE (controller, %[2]s) >= ($1, $2) ORDER BY controller, %[2]s LIMIT $3`, t.table, t.key),
		from.controller, from.key, int32(refoldPage))
	if err != nil {
		return nil, err
	}
	var k kept
	_, err = pgx.ForEachRow(rows, []any{&k.controller, &k.key, &k.row}, func() error {
		page = append(page, k)
		return nil
	})
	return page, err
}

// renew folds those of a page anew that are outdated.
func (r *refolding) renew(from reader, t refolded, page []kept) error {
	var b pgx.Batch
	for _, k := range page {
		row, err := t.refold(k.row, string(k.key), func(id string) ([]consent.Entry, error) {
			return from.Ledger(consent.Subject{Controller: string(k.controller), ID: id})
		})
		if err != nil {
			return err
		}
		if row != nil {
			b.Queue(fmt.Sprintf("UPDATE consentd.%s SET row = $3 WHERE controller = $1 AND %s = $2", t.table, t.key),
				k.controller, k.key, row)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	if r.done == 0 {
		r.log.Info("the rules of folding changed: states are folded anew from their ledgers, once")
	}
	r.done += b.Len()
	return r.conn.SendBatch(from.ctx, &b).Close() // in the transaction
}

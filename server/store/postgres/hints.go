package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// hintInterval is how far apart hints are at least. Every one takes a lock of the whole server for a moment.
	hintInterval = 2 * time.Millisecond
	// listenAgain is how long after a failure it is listened again, at first and at most.
	listenAgain, listenSlowly = 100 * time.Millisecond, 10 * time.Second
	// listenCheck is how often a connection that hears nothing is asked whether it is still there.
	listenCheck = 15 * time.Second
)

// hints are sent and heard by NOTIFY and LISTEN. A transaction that notifies takes a lock of the whole server until it
// is committed: it is never one that writes, and does not wait for the disk.
type hints struct {
	store *Store
	name  string
	// wanted has a value when a hint is to be sent, heard when one was heard.
	wanted, heard chan struct{}
	// nodes is how many nodes were registered at the feed's last look: one that is alone hints nobody.
	nodes atomic.Int64
}

func newHints(s *Store) *hints {
	name := s.config.Node
	if name == [16]byte{} {
		_, _ = rand.Read(name[:]) // never fails
	}
	return &hints{
		store: s, name: hex.EncodeToString(name[:]), wanted: make(chan struct{}, 1), heard: make(chan struct{}, 1),
	}
}

func (h *hints) wake() { leave(h.wanted) }

// leave leaves a value in a channel of capacity 1.
func leave(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// send sends hints that are wanted, until the store is closed.
func (h *hints) send() {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-h.wanted:
		case <-h.store.ctx.Done():
			return
		}
		if h.nodes.Load() > 1 {
			h.notify()
		}
		pause.Reset(hintInterval)
		select {
		case <-pause.C:
		case <-h.store.ctx.Done():
			return
		}
	}
}

// notify sends a hint. One that fails is lost: polling is the truth.
func (h *hints) notify() {
	var err error
	defer recovered(&err)
	ctx, cancel := h.store.bounded(time.Second)
	defer cancel()
	_ = h.store.transact(ctx, func(b *pgx.Batch) {
		b.Queue(lazily)
		b.Queue("SELECT pg_notify('consentd', $1)", h.name)
	})
}

// listen hears hints, until the store is closed, on one connection after the other.
func (h *hints) listen() {
	again := time.NewTimer(0)
	defer again.Stop()
	for pause := listenAgain; ; {
		select {
		case <-again.C:
		case <-h.store.ctx.Done():
			return
		}
		heard, err := h.listenOnce()
		if heard {
			pause = listenAgain
		}
		if h.store.ctx.Err() == nil {
			h.store.config.Logger.Warn("hints of changes are not heard: they are found by polling until it is listened again",
				"error", err, "again_in", pause)
		}
		again.Reset(pause)
		pause = min(2*pause, listenSlowly)
	}
}

// listenOnce hears hints until the connection ends. It reports whether it could be listened at all.
func (h *hints) listenOnce() (heard bool, err error) {
	defer recovered(&err)
	conn, err := h.connect()
	if err != nil {
		return false, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	leave(h.heard) // what happened before it was listened
	for {
		if err := h.hear(conn); err != nil {
			return true, err
		}
	}
}

func (h *hints) connect() (*pgx.Conn, error) {
	c := &h.store.config
	config, err := pgx.ParseConfig(c.hintsURL())
	if err != nil {
		return nil, err
	}
	c.tune(c.hintsURL(), config)
	ctx, cancel := h.store.bounded(c.DialTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err = conn.Exec(ctx, "LISTEN consentd"); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

// hear waits for a hint. Where none comes for long it asks whether the connection is still there.
func (h *hints) hear(conn *pgx.Conn) error {
	ctx, cancel := h.store.bounded(listenCheck)
	defer cancel()
	n, err := conn.WaitForNotification(ctx)
	if err == nil {
		if n.Payload != h.name {
			leave(h.heard)
		}
		return nil
	}
	if h.store.ctx.Err() != nil || ctx.Err() == nil || conn.IsClosed() {
		return err
	}
	check, stop := h.store.bounded(h.store.config.AcquireTimeout)
	defer stop()
	return conn.Ping(check)
}

package reload

import (
	"context"

	"github.com/consentd/consentd/server/consent"
)

// follow reads the source whenever it changed, Reload asks for it, or it is time to try again, until ctx ends.
func (m *Manager) follow(ctx context.Context) {
	if m.hurried {
		m.reload(ctx)
	}
	for {
		answer, err := m.next(ctx)
		if err != nil {
			return
		}
		m.reload(ctx)
		if answer != nil {
			answer <- struct{}{}
		}
	}
}

// next waits until the source changed, it is time to try again what ran out of time, or Reload asks; answer is then
// where it waits. It fails only with ctx. A source is used by one goroutine at a time, so its Next has ended when next
// returns.
func (m *Manager) next(ctx context.Context) (answer chan<- struct{}, err error) {
	waiting, cancel := m.untilRetry(ctx)
	defer cancel()
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		m.await(waiting)
	}()
	select {
	case <-changed:
	case answer = <-m.asked:
		cancel()
		<-changed
	}
	return answer, ctx.Err()
}

// await returns when the source changed or ctx ended. A source that panics must not take the process down, and would
// panic again: it is not asked until there is another reason to read.
func (m *Manager) await(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			m.config.Logger.Error("looking for changes of the policies panicked: report it", "panic", p)
			<-ctx.Done()
		}
	}()
	_ = m.source.Next(ctx) // it fails only with ctx
}

// untilRetry is ctx until the files that ran out of time are to be tried again.
func (m *Manager) untilRetry(ctx context.Context) (context.Context, context.CancelFunc) {
	m.attempt.Lock()
	again := m.tried.again
	m.attempt.Unlock()
	if again.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, again)
}

// Reload reads the source at once and returns how things stand after that. There must be a source, and Watch have been
// called; once the manager is closed nobody answers. The error is that of ctx, where it ends before.
func (m *Manager) Reload(ctx context.Context) (consent.PolicyStatus, error) {
	done := make(chan struct{}, 1)
	select {
	case m.asked <- done:
	case <-ctx.Done():
		return m.Status(), ctx.Err()
	}
	select {
	case <-done:
		return m.Status(), nil
	case <-ctx.Done():
		return m.Status(), ctx.Err()
	}
}

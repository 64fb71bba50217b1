package reload

import (
	"context"

	"github.com/consentd/consentd/server/consent"
)

// follow reads the source whenever it changed, or Reload asks for it, until ctx ends.
func (m *Manager) follow(ctx context.Context) {
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

// next waits until the source changed or Reload asks; answer is then where it waits. A source is used by one goroutine at a
// time, so its Next has ended when next returns.
func (m *Manager) next(ctx context.Context) (answer chan<- struct{}, err error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	changed := make(chan error, 1)
	go func() { changed <- m.config.Source.Next(waiting) }()
	select {
	case err := <-changed:
		return nil, err
	case answer := <-m.asked:
		cancel()
		<-changed
		return answer, ctx.Err()
	}
}

// Reload reads the source at once and returns how things stand after that. There must be a source, and Watch have been called;
// once the manager is closed nobody answers. The error is that of ctx, where it ends before.
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

package main

import (
	"context"

	"github.com/consentd/consentd/server/app"
)

// start is app.New until ctx ends, which may be long before: policies are fetched, proven, and tried again. Who is
// stopped then has served nothing, so the process may end as it is; the server is nil, and there is no error.
func start(ctx context.Context, c app.Config) (*app.App, error) {
	type started struct {
		server *app.App
		err    error
	}
	done := make(chan started, 1)
	go func() {
		server, err := app.New(c)
		done <- started{server, err}
	}()
	select {
	case s := <-done:
		if s.err != nil {
			return nil, s.err
		}
		return s.server, nil
	case <-ctx.Done():
		return nil, nil
	}
}

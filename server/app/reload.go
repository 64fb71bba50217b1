package app

import "context"

// Reload reads the certificate, what callers are known by and may do, and the policies again, at once, and says in the
// log what came of it. What cannot be used changes nothing. It may be called while Serve runs, also concurrently, and
// returns early where ctx ends.
func (a *App) Reload(ctx context.Context) {
	a.reloadCertificate()
	a.callers.Reload()
	a.reloadAccess()
	a.reloadPolicies(ctx)
}

func (a *App) reloadCertificate() {
	if a.pair == nil {
		return
	}
	if changed, err := a.pair.Reload(); err != nil {
		a.config.Logger.Error("certificate read again: it cannot be loaded, the one in use stays", "error", err)
	} else {
		a.config.Logger.Info("certificate read again", "changed", changed)
	}
}

func (a *App) reloadPolicies(ctx context.Context) {
	if !a.manager.Follows() {
		a.config.Logger.Info("policies come from the binary, or were activated: there is nothing to read again")
		return
	}
	before := a.policies.Current().Revision()
	status, err := a.manager.Reload(ctx)
	if err != nil {
		return // the server stops
	}
	revision := a.policies.Current().Revision()
	a.config.Logger.Info("policies read again", "source", status.Source, "faults", len(status.Faults),
		"changed", revision != before, "policy_revision", revision)
}

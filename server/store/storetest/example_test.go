package storetest_test

import (
	"testing"

	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
	"github.com/consentd/consentd/server/store/storetest"
)

func ExampleRun() {
	// In a store's package this is func TestContract.
	_ = func(t *testing.T) {
		storetest.Run(t, func(t testing.TB, observers store.Observers) storetest.Instance {
			dir := t.TempDir()
			open := func(t testing.TB) store.Store {
				s, err := pebble.Open(dir, pebble.Options{Observers: observers})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			return storetest.Instance{Store: open(t), Reopen: open}
		}, storetest.Except{Promise: "FailedChangesKeepTheirRevisions", Reason: "this test does not break the disk"})
	}
}

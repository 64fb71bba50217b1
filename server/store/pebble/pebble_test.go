package pebble_test

import (
	"testing"

	"github.com/consentd/consentd/server/store"
	"github.com/consentd/consentd/server/store/pebble"
	"github.com/consentd/consentd/server/store/storetest"
)

func open(t testing.TB, dir string, o pebble.Options) *pebble.Store {
	t.Helper()
	s, err := pebble.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB, observer store.Observer) storetest.Instance {
		dir, options := t.TempDir(), pebble.Options{Observer: observer}
		return storetest.Instance{
			Store:  open(t, dir, options),
			Reopen: func(t testing.TB) store.Store { return open(t, dir, options) },
		}
	})
}

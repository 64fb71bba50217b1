package postgres_test

import (
	"testing"
	"time"

	"github.com/consentd/consentd/server/policy/shared/sharedtest"
	"github.com/consentd/consentd/server/store/postgres"
	"github.com/consentd/consentd/server/store/postgres/pgtest"
)

// TestPoliciesContract: two nodes of one database, with a proxy between them and it.
func TestPoliciesContract(t *testing.T) {
	server := pgtest.New(t, pgtest.Options{})
	sharedtest.Run(t, func(t testing.TB) sharedtest.Instance {
		database, err := server.CreateDatabase(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		migrate(t, server.URL(database))
		proxy := server.NewProxy(t)
		c := postgres.Config{URL: proxy.URL(database), AcquireTimeout: time.Second}
		policies := func() postgres.Policies {
			s, err := postgres.Open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s.Policies()
		}
		return sharedtest.Instance{Sets: policies(), Other: policies(), Break: func() func() {
			proxy.Refuse(true)
			proxy.Cut()
			return func() { proxy.Refuse(false) }
		}}
	})
}

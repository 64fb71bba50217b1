package sharedtest_test

import (
	"testing"

	"github.com/consentd/consentd/server/policy/shared/sharedtest"
)

// TestMemory: what tests stand on keeps the promises itself.
func TestMemory(t *testing.T) {
	sharedtest.Run(t, func(testing.TB) sharedtest.Instance {
		m := &sharedtest.Memory{}
		return sharedtest.Instance{Sets: m, Other: m, Break: m.Break}
	})
}

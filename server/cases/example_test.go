package cases_test

import (
	"context"
	"fmt"
	"testing/fstest"
	"time"

	"github.com/consentd/consentd/policies"
	"github.com/consentd/consentd/server/cases"
	"github.com/consentd/consentd/server/policy"
)

// Cases that stand beside policies are found, asked and compared with what they expect.
func Example() {
	all, _, err := cases.Find(fstest.MapFS{"example.cases": {Data: []byte(`- name: a consent that was withdrawn
  controller: example
  events:
    - {at: -2d, consent: {purpose: marketing_email, status: GIVEN, notice_version: 3}}
    - {at: -1d, consent: {purpose: marketing_email, status: WITHDRAWN}}
  check: {purpose: marketing_email, data_categories: [user.contact.email]}
  expect: {decision: ALLOW}
`)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := policy.Load(policies.FS, policy.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range all {
		asked, err := c.Question(time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC))
		if err != nil {
			fmt.Println(err)
			return
		}
		d, err := set.Evaluate(context.Background(), &asked.Request, asked.State, asked.Now)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s:%d: %s: %v\n", c.File, c.Line, c.Name, c.Expect.Differences(cases.AnswerOf(d)))
	}
	// Output:
	// example.cases:1: a consent that was withdrawn: [decision = DENY, want ALLOW]
}

package question_test

import (
	"testing"
	"time"

	"github.com/consentd/consentd/bench/question"
)

func population(size int) question.Population {
	return question.Population{Size: size, Seed: 3, Start: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func TestAllowed(t *testing.T) {
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		consent question.Consent
		want    bool
	}{
		"given":          {question.Consent{Status: question.Given}, true},
		"never asked":    {question.Consent{}, false},
		"refused":        {question.Consent{Status: question.Refused}, false},
		"withdrawn":      {question.Consent{Status: question.Withdrawn}, false},
		"objected":       {question.Consent{Status: question.Given, Objected: true}, false},
		"to expire":      {question.Consent{Status: question.Given, ExpiresAt: now.Add(time.Second)}, true},
		"expires now":    {question.Consent{Status: question.Given, ExpiresAt: now}, false},
		"expired":        {question.Consent{Status: question.Given, ExpiresAt: now.Add(-time.Second)}, false},
		"refused, later": {question.Consent{Status: question.Refused, ExpiresAt: now.Add(time.Second)}, false},
	} {
		if got := c.consent.Allowed(now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The population has every kind of subject, and both answers, in shares that make the question worth asking.
func TestPopulation(t *testing.T) {
	p := population(10_000)
	statuses, allowed, objected, expiring := map[question.Status]int{}, 0, 0, 0
	for n := range p.Size {
		for i, c := range p.Subject(n).Consents {
			statuses[c.Status]++
			if p.Truth(question.Question{Subject: n, Purpose: i}) {
				allowed++
			}
			if c.Objected {
				objected++
			}
			if !c.ExpiresAt.IsZero() {
				expiring++
			}
		}
	}
	for name, c := range map[string][3]int{
		"given": {statuses[question.Given], 68, 72}, "withdrawn": {statuses[question.Withdrawn], 9, 11},
		"refused": {statuses[question.Refused], 9, 11}, "never asked": {statuses[question.None], 9, 11},
		"objected": {objected, 9, 11}, "with an expiry": {expiring, 23, 26}, "allowed": {allowed, 53, 60},
	} {
		if percent := c[0] * 100 / (2 * p.Size); percent < c[1] || percent > c[2] {
			t.Errorf("%s: %d %%, want %d to %d", name, percent, c[1], c[2])
		}
	}
}

func TestOnceVisitsEverySubject(t *testing.T) {
	for _, size := range []int{1, 2, 1000, 9973} {
		p := population(size)
		choose, seen := question.Once(p), map[int]bool{}
		for n := range size {
			seen[choose(n).Subject] = true
		}
		if len(seen) != size {
			t.Errorf("%d of %d subjects visited", len(seen), size)
		}
	}
}

func TestUniformAndZipf(t *testing.T) {
	p := population(1000)
	const draws = 100_000
	top := func(choose question.Chooser) (share float64) {
		counts, most := make([]int, p.Size), 0
		purposes := [2]int{}
		for n := range draws {
			q := choose(n)
			counts[q.Subject]++
			purposes[q.Purpose]++
			most = max(most, counts[q.Subject])
		}
		if purposes[0] < draws*48/100 || purposes[1] < draws*48/100 {
			t.Errorf("purposes %v", purposes)
		}
		return float64(most) / draws
	}
	if share := top(question.Uniform(p)); share > 0.002 {
		t.Errorf("uniform: the most asked subject has %v", share)
	}
	// ln 2 / ln 1001 of the draws fall on the first rank.
	if share := top(question.Zipf(p)); share < 0.09 || share > 0.11 {
		t.Errorf("zipf: the most asked subject has %v", share)
	}
}

package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timeForms is what every time on the command line may look like.
const timeForms = "RFC 3339, a date, or relative: -30d, +1h"

const day = 24 * time.Hour

// maxDays bounds relative times to what a time.Duration holds (292 years), also where days and hours add up.
const maxDays = 50_000

// parseTime reads an RFC 3339 time, a date (its midnight in UTC), or a duration from now with its sign: -30d, +1d12h. A
// day is 24 hours. The result is in UTC.
func parseTime(text string, now time.Time) (time.Time, error) {
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
		d, err := parseDuration(text[1:])
		if text[0] == '-' {
			d = -d
		}
		return now.Add(d).UTC(), err
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return inRange(t.UTC())
		}
	}
	if _, err := parseDuration(text); err == nil {
		return time.Time{}, fmt.Errorf("say -%s or +%s", text, text)
	}
	return time.Time{}, errors.New("want " + timeForms)
}

// inRange refuses the year 0 and before, where the zero time lies that means "not given".
func inRange(t time.Time) (time.Time, error) {
	if t.Year() < 1 || t.IsZero() {
		return time.Time{}, errors.New("want a year after 0")
	}
	return t, nil
}

// parseDuration reads a duration without a sign: Go's form, with days before all else.
func parseDuration(text string) (time.Duration, error) {
	var total time.Duration
	number, rest, hasDays := strings.Cut(text, "d")
	if hasDays {
		days, err := strconv.ParseUint(number, 10, 32)
		if err != nil || days > maxDays {
			return 0, fmt.Errorf("want a whole number of days up to %d", maxDays)
		}
		total, text = time.Duration(days)*day, rest
	}
	if hasDays && text == "" {
		return total, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || strings.ContainsAny(text, "+-") || d > maxDays*day {
		return 0, errors.New("want " + timeForms)
	}
	return total + d, nil
}

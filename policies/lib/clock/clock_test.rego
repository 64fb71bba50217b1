package consentd.lib.clock_test

import data.consentd.lib.clock

_day := 86400000000000

_versions := [
	{"effective_from": "2020-01-01T00:00:00Z", "age": 13},
	{"effective_from": "2024-01-01T00:00:00Z", "age": 15},
]

test_reached_at_the_instant if clock.reached(100) with input.now as 100

test_not_reached_before_the_instant if not clock.reached(101) with input.now as 100

test_elapsed_to_the_nanosecond if {
	clock.elapsed(7, "dormancy") with input as {"controller": "c", "now": 7 + (2 * _day)} with data.controllers as _controllers
	not clock.elapsed(8, "dormancy") with input as {"controller": "c", "now": 7 + (2 * _day)} with data.controllers as _controllers
}

_controllers := {"c": {"durations": {"dormancy": {"days": 2}}}}

test_not_elapsed_without_a_duration if {
	not clock.elapsed(0, "dormancy") with input as {"controller": "c", "now": _day} with data.controllers as {"c": {}}
}

test_in_force_is_the_last_that_has_begun if {
	clock.in_force(_versions).age == 13 with input.now as time.parse_rfc3339_ns("2023-12-31T23:59:59Z")
	clock.in_force(_versions).age == 15 with input.now as time.parse_rfc3339_ns("2024-01-01T00:00:00Z")
}

test_nothing_in_force_before_the_first if not clock.in_force(_versions) with input.now as 0

test_year_after_a_leap_day_is_the_first_of_march if {
	clock.year_after(time.parse_rfc3339_ns("2024-02-29T10:00:00Z")) == time.parse_rfc3339_ns("2025-03-01T10:00:00Z")
}

_extremes := [0, -1, 1, -9223372036854775808, 9223372036854775807, -9223286400000000000, 9223372036000000000]

test_elapsed_at_the_extremes if {
	elapsed := [t | some t in _extremes; clock.elapsed(t, "dormancy") with input as {"controller": "c", "now": _now}]
		with data.controllers as _controllers
	elapsed == [t | some t in _extremes; t <= 1]
}

_now := time.parse_rfc3339_ns("2026-06-01T12:00:00Z")

test_elapsed_when_now_is_extreme if {
	clock.elapsed(0, "dormancy") with input as {"controller": "c", "now": 9223372036854775807} with data.controllers as _controllers
	not clock.elapsed(0, "dormancy") with input as {"controller": "c", "now": -9223372036854775808} with data.controllers as _controllers
}

test_a_year_after_is_always_there if {
	every t in _extremes { clock.year_after(t) >= t }
	clock.year_after(9223372036854775807) == 9223372036854775807
	clock.year_after(9191836036854775807) == 9223372036854775807
	clock.year_after(9191836036854775808) == 9223372036854775807
	clock.year_after(9191836036854775806) == 9223372036854775806
}

# METADATA
# title: The clock
# description: |
#   The only place where policies compare a time with now. The server derives from it when a decision could change by time
#   alone, so it must know every instant that can matter: those in the subject's state, those plus a duration that the
#   controller's data declare, and the effective_from dates of tables. Hand these functions times as they stand in the
#   input or the data, never computed ones.
# schemas:
#   - input: schema.input
package consentd.lib.clock

# METADATA
# description: Now is at t or after it.
reached(t) if input.now >= t

# METADATA
# description: |
#   The duration of that name (`durations` of the controller's data, in days of 24 hours) has passed since t, to the
#   nanosecond.
elapsed(t, name) if {
	days := data.controllers[input.controller].durations[name].days
	input.now - (days * 86400000000000) >= t # t is what may lie anywhere: a sum with it could overflow
}

# METADATA
# description: |
#   The version of a table's entry that is in force now: the last whose effective_from has come. Versions stand in the
#   order of their dates.
in_force(versions) := version if {
	begun := [v | some v in versions; reached(time.parse_rfc3339_ns(v.effective_from))]
	version := begun[count(begun) - 1]
}

# METADATA
# description: The instant that lies a year after t, by the calendar; the last instant there is (in 2262) where that is later.
year_after(t) := time.add_date(min([t, _last_with_a_year_after]), 1, 0, 0)

# 2261-04-11T23:47:16.854775807Z
_last_with_a_year_after := 9191836036854775807

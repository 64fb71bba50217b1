package consentd.lib.ccpa

import data.consentd.lib.age
import data.consentd.lib.consent
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# title: CCPA-120-MINOR
# description: |
#   Who is known to be under 16 must opt in; under 13 the parent must (1798.120(c)).
# custom:
#   article: CCPA 1798.120(c)
# schemas:
#   - input: schema.input
denials contains [4, "UNDER_AGE", "CCPA-120-MINOR"] if {
	_minor
	not _minor_opted_in
	not _void_opt_in
}

# METADATA
# title: CCPA-120-MINOR, CONSENT_BY_MINOR
# description: The opt-in that the subject gave below 13 stays void from 13 to 15 (1798.120(c)).
# custom:
#   article: CCPA 1798.120(c)
denials contains [7, "CONSENT_BY_MINOR", "CCPA-120-MINOR"] if {
	_minor
	_void_opt_in
}

_minor if {
	input.subject.age_max < 16
	place.ccpa
	request.sale_or_sharing
}

_minor_opted_in if {
	input.subject.age_max < 13
	_given_by({"PARENT"})
}

_minor_opted_in if {
	input.subject.age_max >= 13
	_given_by({"SUBJECT", "AGENT"})
}

_given_by(actors) if {
	consent.current.given_by in actors
	consent.holds(consent.current, input.purpose)
}

_void_opt_in if {
	input.subject.age_max >= 13
	consent.current.status == "GIVEN"
	age.given_below_13(consent.current, input.purpose)
}

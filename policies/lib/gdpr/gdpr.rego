# METADATA
# title: GDPR
# description: |
#   The pack for the EEA and Great Britain. Withdrawals and erasures (GDPR-7-3, GDPR-17) are kept by what is recorded;
#   levels 3 and 6 (GDPR-18, GDPR-21) stand in the composition, because they hold in every place. Special categories and
#   transfers have files of their own beside this one.
# related_resources:
#   - ref: https://eur-lex.europa.eu/eli/reg/2016/679/oj
#     description: Regulation (EU) 2016/679
# schemas:
#   - input: schema.input
package consentd.lib.gdpr

import data.consentd.lib.age
import data.consentd.lib.basis
import data.consentd.lib.consent
import data.consentd.lib.eprivacy
import data.consentd.lib.marks
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# title: GDPR-6-DEEMED, EPRIV-13
# description: |
#   The rules by which the pack asks a given consent beyond a declared one: DEEMED_CONSENT is no consent (Art. 4(11)), unless
#   the request is on anonymized data (recital 26); marketing messages need one.
# custom:
#   article: GDPR Art. 4(11), 6(1)(a)
asks_consent contains "GDPR-6-DEEMED" if {
	place.gdpr
	basis.in_effect == "DEEMED_CONSENT"
	not request.flag("anonymized")
}

asks_consent contains "EPRIV-13" if eprivacy.needs_consent

# METADATA
# title: GDPR-6-DEEMED, EPRIV-13, the consent
# description: The given consent that the pack asks for is not there, or does not count.
# custom:
#   article: GDPR Art. 6(1)(a); Directive 2002/58/EC Art. 13(1)
denials contains [7, code, rule] if {
	some rule in asks_consent
	some code in consent.faults(consent.current, input.purpose)
}

# METADATA
# title: GDPR-8
# description: |
#   On every purpose of which this pack asks a given consent, a child needs one by the parent that holds (Art. 8(1)). What the
#   subject gave while too young is void for good (CONSENT_BY_MINOR, lib/age).
# custom:
#   article: GDPR Art. 8(1)
denials contains [4, "UNDER_AGE", "GDPR-8"] if {
	place.gdpr
	input.subject.age_max < 16 # no country may ask for more
	input.subject.age_max < age.of_consent
	_rests_on_consent
	not age.excepted(input.purpose)
	not _given_by_parent
}

# METADATA
# title: GDPR-21
# description: |
#   The objection to direct marketing is absolute (Art. 21(3)): it denies also where the declared basis would go on. Elsewhere
#   level 6 denies it already.
# custom:
#   article: GDPR Art. 21(3)
denials contains [6, "OBJECTED", "GDPR-21"] if {
	place.gdpr
	request.marketing
	basis.unconditional
	t := marks.objected_at
	not consent.given_after(t)
}

_rests_on_consent if basis.consent_based

_rests_on_consent if count(asks_consent) > 0

_given_by_parent if {
	consent.current.given_by == "PARENT"
	consent.holds(consent.current, input.purpose)
}

# METADATA
# title: GDPR
# description: |
#   The pack for the EEA and Great Britain. Withdrawals and erasures (GDPR-7-3, GDPR-17) are kept by what is recorded;
#   levels 3 and 6 (GDPR-18, GDPR-21) stand in the composition, because they hold in every place.
# related_resources:
#   - ref: https://eur-lex.europa.eu/eli/reg/2016/679/oj
#     description: Regulation (EU) 2016/679
# schemas:
#   - input: schema.input
package consentd.lib.gdpr

import data.consentd.lib.basis
import data.consentd.lib.categories
import data.consentd.lib.clock
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
# description: A child's consent needs to be the parent's, on every purpose that rests on consent here (Art. 8(1)).
# custom:
#   article: GDPR Art. 8(1)
denials contains [4, "UNDER_AGE", "GDPR-8"] if {
	place.gdpr
	input.subject.age_max < 16 # no country may ask for more
	input.subject.age_max < consent_age
	_rests_on_consent
	not basis.age_excepted
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
	consent.holds(consent.current)
	consent.current.given_by == "PARENT"
}

# METADATA
# title: The age of digital consent
# description: That of the subject's country; 16 where the table has none, as where the place is unknown (Art. 8(1)).
# custom:
#   article: GDPR Art. 8(1)
consent_age := clock.in_force(data.lib.gdpr.consent_ages[place.country]).age

consent_age := 16 if not data.lib.gdpr.consent_ages[place.country]

# METADATA
# title: GDPR-9
# description: |
#   Special categories need an explicit consent to this purpose or to the one that covers it (Art. 9(2)(a)). The banned
#   keys with code and rule: CONSENT_NOT_EXPLICIT where an ordinary consent for the purpose holds, though to an old notice.
# custom:
#   article: GDPR Art. 9(2)(a)
bans contains [categories.special, _special_code, "GDPR-9"] if {
	place.gdpr
	not basis.special_categories_excepted
	not _explicitly_covered
}

_explicitly_covered if {
	some [record, purpose] in basis.covering_consents
	consent.valid(record, purpose)
	record.explicit == true
}

default _special_code := "SENSITIVE_DATA_NOT_PERMITTED"

_special_code := "CONSENT_NOT_EXPLICIT" if {
	consent.holds(consent.current)
	not consent.current.explicit == true
}

# METADATA
# title: GDPR-44
# description: |
#   A recipient in a country outside the EEA without an adequacy decision needs safeguards (Art. 44 to 46), where the pack
#   applies or the controller promises them to everyone.
# custom:
#   article: GDPR Art. 44 to 46
obligations contains {"code": "TRANSFER_SAFEGUARDS", "parameters": {"country": request.recipient_country}} if {
	request.recipient_country != ""
	_safeguards_promised
	not data.lib.place.eea[request.recipient_country]
	not _adequate(request.recipient_country)
}

_safeguards_promised if place.gdpr

_safeguards_promised if request.controller.transfer_safeguards == "everywhere"

_adequate(country) if {
	version := clock.in_force(data.lib.gdpr.adequacy[country])
	version.adequate == true
}

# The Data Privacy Framework covers certified recipients only.
_adequate(country) if {
	version := clock.in_force(data.lib.gdpr.adequacy[country])
	version.adequate == "certified"
	request.flag("recipient_certified")
}

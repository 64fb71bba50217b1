package consentd.lib.gdpr

import data.consentd.lib.basis
import data.consentd.lib.categories
import data.consentd.lib.consent
import data.consentd.lib.place

# METADATA
# title: GDPR-9
# description: |
#   Special categories need an explicit consent to this purpose or to the one that covers it (Art. 9(2)(a)). The banned
#   keys with code and rule: CONSENT_NOT_EXPLICIT where an ordinary consent for the purpose holds.
# custom:
#   article: GDPR Art. 9(2)(a)
# schemas:
#   - input: schema.input
bans contains [categories.special, _special_code, "GDPR-9"] if {
	place.gdpr
	not basis.special_categories_excepted
	not _explicitly_covered
}

_explicitly_covered if {
	some [record, purpose] in basis.covering_consents
	record.explicit == true
	consent.holds(record, purpose)
}

default _special_code := "SENSITIVE_DATA_NOT_PERMITTED"

_special_code := "CONSENT_NOT_EXPLICIT" if {
	not consent.current.explicit == true
	consent.holds(consent.current, input.purpose)
}

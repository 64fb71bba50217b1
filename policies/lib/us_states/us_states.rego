# METADATA
# title: Other states of the US
# description: |
#   The states of the table beside this file ask a consent for special categories, each from its date on; some honour Global
#   Privacy Control for sale and sharing, which the CCPA pack decides for them.
# schemas:
#   - input: schema.input
package consentd.lib.us_states

import data.consentd.lib.basis
import data.consentd.lib.categories
import data.consentd.lib.clock
import data.consentd.lib.consent
import data.consentd.lib.place

# METADATA
# title: US-STATES
# description: |
#   Special categories need a given consent, as the acts of the states ask, those of CO (C.R.S. 6-1-1308(7)), CT
#   (Sec. 42-520(a)(4)), TX (Bus. & Com. 541.101(b)(2)) and VA (59.1-578(A)(5)) among them.
# custom:
#   article: the privacy act of the state
bans contains [categories.special, "SENSITIVE_DATA_NOT_PERMITTED", "US-STATES"] if {
	clock.in_force(place.state.special_categories)
	not basis.special_categories_excepted
	not _covered
}

_covered if {
	some [record, purpose] in basis.covering_consents
	consent.holds(record, purpose)
}

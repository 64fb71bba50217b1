package consentd.lib.appi

import data.consentd.lib.basis
import data.consentd.lib.categories
import data.consentd.lib.consent
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# title: APPI-20-2
# description: |
#   Special-care-required information needs a given consent, to this purpose or to the one that covers it; an ordinary one is
#   enough (Art. 20(2)).
# custom:
#   article: APPI Art. 20(2)
# schemas:
#   - input: schema.input
bans contains [categories.special, "SENSITIVE_DATA_NOT_PERMITTED", "APPI-20-2"] if {
	place.appi
	not basis.special_categories_excepted
	not _covered
}

_covered if {
	some [record, purpose] in basis.covering_consents
	consent.holds(record, purpose)
}

# METADATA
# title: APPI-31
# description: |
#   Identifiers that the recipient can link to a person need the recipient's confirmation that the person consented
#   (Art. 31(1)).
# custom:
#   article: APPI Art. 31(1)
# schemas:
#   - input: schema.input
obligations contains {"code": "CONFIRM_RECIPIENT_CONSENT", "parameters": {}} if {
	place.appi
	request.flag("links_identifiers")
	some category in input.data_categories
	some linkable in ["user.device", "user.behavior"]
	categories.overlap(category, linkable)
}

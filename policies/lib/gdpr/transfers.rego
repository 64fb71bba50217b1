package consentd.lib.gdpr

import data.consentd.lib.clock
import data.consentd.lib.place
import data.consentd.lib.request

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
	not place.in_eea(request.recipient_country)
	not _adequate(place.country_of(request.recipient_country))
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

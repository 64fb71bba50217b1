# METADATA
# title: jasminai
# description: |
#   JWS Americas S.à r.l. and JWS International S.à r.l., Luxembourg. The table beside this file holds what the privacy policy
#   says purpose by purpose; here is what no table can say.
# schemas:
#   - input: schema.input
package consentd.controllers.jasminai

import data.consentd.lib.basis
import data.consentd.lib.ccpa
import data.consentd.lib.compose
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# title: The decision
# entrypoint: true
decision := compose.decision({
	"denials": denials,
	"bans": bans,
	"obligations": obligations,
	"recipients": set(),
})

# METADATA
# title: §2.4
# description: Data from public sources, named or not, are used against fraud and for legal claims only.
denials contains [8, "DATA_CATEGORY_NOT_PERMITTED", "§2.4"] if _public_source_denied

# METADATA
# title: §2.4
# description: So none of the categories that the request names is permitted.
bans contains [input.data_categories, "DATA_CATEGORY_NOT_PERMITTED", "§2.4"] if _public_source_denied

_public_source_denied if {
	request.flag("public_source")
	not request.compelling
	basis.declared != "LEGAL_OBLIGATION"
}

# METADATA
# title: §7.5
# description: |
#   For Californians, Do Not Track opts out of the sharing with affiliates, stored or on the request; undone as Global Privacy
#   Control is.
denials contains [5, "OPTED_OUT", "§7.5"] if {
	_do_not_track_counts
	ccpa.signalled("dnt")
}

_do_not_track_counts if {
	place.jurisdiction == "US-CA"
	input.purpose == "affiliate_sharing"
	request.sale_or_sharing
}

# METADATA
# title: §7.5, CCPA-135
# description: Nobody asks for an opt-in again for a year after the stored signal.
obligations contains ccpa.reask_after(ccpa.signalled_at("dnt")) if _do_not_track_counts

# METADATA
# title: §7.5, CCPA-GPC
# description: A signal that came with the request is to be recorded.
obligations contains {"code": "RECORD_SIGNAL", "parameters": {"signal": "dnt"}} if {
	_do_not_track_counts
	request.flag("dnt")
}

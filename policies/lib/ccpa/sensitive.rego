package consentd.lib.ccpa

import data.consentd.lib.consent
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# title: CCPA-121
# description: |
#   Who limited the use of sensitive data: special categories and the precise location only for what is necessary, until the
#   opt-out is lifted or, for one purpose, an explicit consent came later that holds (1798.121).
# custom:
#   article: CCPA 1798.121
# schemas:
#   - input: schema.input
bans contains [data.lib.categories.limitable, "SENSITIVE_DATA_NOT_PERMITTED", "CCPA-121"] if {
	place.ccpa
	_limited
}

_limited if {
	opt_out := input.subject.opt_outs.SENSITIVE_DATA_USE
	not opt_out.lifted == true
	not _necessary
	not _explicit_after(opt_out.time)
}

_necessary if request.row.basis in {"CONTRACT", "LEGAL_OBLIGATION", "VITAL_INTERESTS"}

_necessary if request.compelling

_explicit_after(t) if {
	consent.current.explicit == true
	consent.given_after(t)
}

# METADATA
# title: CCPA
# description: The pack for California; the opt-out of sale or sharing, once recorded, counts in every place.
# related_resources:
#   - ref: https://leginfo.legislature.ca.gov/faces/codes_displayText.xhtml?division=3.&part=4.&lawCode=CIV&title=1.81.5
#     description: California Civil Code 1798.100 to 1798.199.100
# schemas:
#   - input: schema.input
package consentd.lib.ccpa

import data.consentd.lib.clock
import data.consentd.lib.consent
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# title: CCPA-120
# description: |
#   The purpose counts as sale or sharing (1798.140(ad), (ah)): a sharing purpose, or one whose row says so, to any recipient
#   but a processor, an authority or a company of the group.
# custom:
#   article: CCPA 1798.140(ad), (ah)
sale_or_sharing if {
	_gives_data
	not request.recipient_kind in {"PROCESSOR", "AUTHORITY", "CORPORATE_AFFILIATE"}
}

_gives_data if request.sharing

_gives_data if request.row.counts_as_sharing == true

# METADATA
# title: CCPA-120
# description: |
#   In California sale and sharing pass without consent until opted out, unless the controller's row asks for a consent that
#   names the recipient (1798.120(a)).
# custom:
#   article: CCPA 1798.120(a)
replaces_consent if {
	place.ccpa
	sale_or_sharing
	request.row.basis == "CONSENT"
	not request.row.consent_names_recipient
}

# METADATA
# title: CCPA-120, CCPA-7028
# description: A recorded opt-out denies sale and sharing everywhere, until both steps of an opt-in came after it.
# custom:
#   article: CCPA 1798.120; 11 CCR 7028(a)
denials contains [5, "OPTED_OUT", "CCPA-120"] if _opted_out_at

# METADATA
# title: CCPA-120-MINOR
# description: |
#   Who is known to be under 16 must opt in; under 13 the parent must (1798.120(c)).
# custom:
#   article: CCPA 1798.120(c)
denials contains [4, "UNDER_AGE", "CCPA-120-MINOR"] if {
	place.ccpa
	sale_or_sharing
	input.subject.age_max < 16
	not _minor_opted_in
}

# METADATA
# title: CCPA-GPC
# description: Global Privacy Control is an opt-out (11 CCR 7025), stored or on the request, here and in the states that honour it.
# custom:
#   article: 11 CCR 7025
denials contains [5, "GPC_OPT_OUT", _gpc_rule] if {
	sale_or_sharing
	signalled("gpc")
	_gpc_rule
}

# METADATA
# description: |
#   A signal opts the subject out: it came with the request, or is stored and no consent with evidence (of the conflict
#   notice) was given after it (11 CCR 7025(c)(4)).
signalled(signal) if request.flag(signal)

signalled(signal) if {
	stored := input.subject.signals[signal]
	stored.value == true
	not _consented_with_notice(stored.time)
}

_consented_with_notice(t) if {
	consent.given_after(t)
	consent.current.evidence == true
}

_gpc_rule := "CCPA-GPC" if place.ccpa

_gpc_rule := "US-STATES" if {
	not place.ccpa
	clock.in_force(place.state.gpc)
}

_opted_out_at := t if {
	sale_or_sharing
	opt_out := input.subject.opt_outs.SALE_OR_SHARING
	not opt_out.lifted == true
	t := opt_out.time
	not _opted_in_again(t)
}

# CCPA-7028: consent requested, then given, both after the opt-out (11 CCR 7028(a)).
_opted_in_again(t) if {
	consent.given_after(t)
	consent.current.requested_before_given_at > t
}

_minor_opted_in if {
	input.subject.age_max < 13
	_valid_consent_by({"PARENT"})
}

_minor_opted_in if {
	input.subject.age_max >= 13
	_valid_consent_by({"SUBJECT", "AGENT"})
}

_valid_consent_by(actors) if {
	consent.valid(consent.current, input.purpose)
	consent.current.given_by in actors
}

# METADATA
# title: CCPA-121
# description: |
#   Who limited the use of sensitive data: special categories and the precise location only for what is necessary, until the
#   opt-out is lifted or, for one purpose, an explicit consent came later (1798.121).
# custom:
#   article: CCPA 1798.121
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
	consent.given_after(t)
	consent.current.explicit == true
}

# METADATA
# title: CCPA-135
# description: After an opt-out nobody asks for an opt-in again for 12 months (1798.135(c)(4)).
# custom:
#   article: CCPA 1798.135(c)(4)
obligations contains {"code": "REASK_NOT_BEFORE", "parameters": {"time": clock.year_after(_opted_out_at)}}

# METADATA
# title: CCPA-GPC
# description: A signal that came with a request for sale or sharing is to be recorded; a check itself never writes.
# custom:
#   article: 11 CCR 7025
obligations contains {"code": "RECORD_SIGNAL", "parameters": {"signal": "gpc"}} if {
	request.flag("gpc")
	sale_or_sharing
	_gpc_rule
}

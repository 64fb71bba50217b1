# METADATA
# title: CCPA
# description: |
#   The pack for California; the opt-out of sale or sharing, once recorded, counts in every place. Signals, minors and sensitive
#   data have files of their own beside this one.
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
#   In California sale and sharing pass without consent until opted out, also where one was given, unless the controller's row
#   asks for a consent that names the recipient (1798.120(a)).
# custom:
#   article: CCPA 1798.120(a)
replaces_consent if {
	place.ccpa
	request.sale_or_sharing
	request.row.basis == "CONSENT"
	not request.row.consent_names_recipient
}

# METADATA
# title: CCPA-120, CCPA-7028
# description: A recorded opt-out denies sale and sharing everywhere, until both steps of an opt-in came after it.
# custom:
#   article: CCPA 1798.120; 11 CCR 7028(a)
denials contains [5, "OPTED_OUT", "CCPA-120"] if _opted_out_at

_opted_out_at := t if {
	request.sale_or_sharing
	opt_out := input.subject.opt_outs.SALE_OR_SHARING
	not opt_out.lifted == true
	t := opt_out.time
	not _opted_in_again(t)
}

# CCPA-7028: consent requested, then given, both after the opt-out and for the same recipients (11 CCR 7028(a)).
_opted_in_again(t) if {
	consent.current.requested_before_given_at > t
	consent.given_after(t)
}

# METADATA
# title: CCPA-7028, after a refusal or withdrawal
# description: |
#   What rests on notice goes on after a denial only where a later consent still holds: one that has expired, or that a child
#   gave, is no opting in again (11 CCR 7028). Where the denial is the record's last word GDPR-7-SWAP reports it.
# custom:
#   article: 11 CCR 7028
denials contains [7, consent.denial_codes[record.denied], "CCPA-7028"] if {
	place.ccpa
	request.sale_or_sharing
	_needs_no_consent
	not consent.denied(consent.current)
	some record in consent.of_request
	not consent.given_after(record.denied_at)
}

_needs_no_consent if replaces_consent

_needs_no_consent if not request.row.basis in {"CONSENT", "EXPLICIT_CONSENT"}

# METADATA
# title: CCPA-135
# description: |
#   In California nobody asks for an opt-in again for 12 months after an opt-out, or after a stored signal that still opts out
#   (1798.135(c)(4)).
# custom:
#   article: CCPA 1798.135(c)(4)
obligations contains reask_after(t) if {
	place.ccpa
	some t in _opted_out_since
}

_opted_out_since contains _opted_out_at

_opted_out_since contains signalled_at("gpc") if request.sale_or_sharing

# METADATA
# title: CCPA-135
# description: The obligation not to ask again for 12 months after t.
# custom:
#   article: CCPA 1798.135(c)(4)
reask_after(t) := {"code": "REASK_NOT_BEFORE", "parameters": {"time": clock.year_after(t)}}

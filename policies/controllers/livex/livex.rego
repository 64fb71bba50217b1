# METADATA
# title: livex
# description: |
#   LiveX AI Inc., USA. The table beside this file holds what the privacy policy says purpose by purpose; here is what no table
#   can say.
# schemas:
#   - input: schema.input
package consentd.controllers.livex

import data.consentd.lib.compose
import data.consentd.lib.consent
import data.consentd.lib.limits

# METADATA
# title: The decision
# entrypoint: true
decision := compose.decision({
	"denials": denials,
	"bans": set(),
	"obligations": set(),
	"recipients": recipients,
	"excluded": excluded,
})

# METADATA
# title: EEA users
# description: As a processor for its customers' chatbots it does what the customer instructed, and nothing else.
denials contains [8, "PROCESSOR_NOT_INSTRUCTED", "EEA users"] if _uninstructed(input.purpose)

_uninstructed(purpose) if {
	input.context.role == "processor"
	not _instructed(purpose)
}

_instructed(purpose) if {
	is_array(input.context.customer_instructions)
	every instruction in input.context.customer_instructions {
		is_string(instruction)
	}
	purpose in input.context.customer_instructions
}

# METADATA
# title: How we share, advertising partners
# description: |
#   Advertising partners get data only where interest-based advertising for this partner would be allowed too, by its record
#   and its country; what kind of recipient it is does not count there.
recipients contains "ADVERTISING_PARTNER" if {
	_to_advertising_partner
	not _uninstructed("interest_based_advertising")
	found := compose.all_denials(_nothing) with input.purpose as "interest_based_advertising" with input.recipient as _partner
	count(found) == 0
}

# METADATA
# title: How we share, advertising partners
# description: So what advertising may not use, a request that names no data must leave out here too.
excluded contains ban if {
	_to_advertising_partner
	limits.names_no_data
	some ban in limits.bans with input.purpose as "interest_based_advertising" with input.recipient as _partner
}

_to_advertising_partner if {
	input.purpose == "affiliate_sharing"
	input.recipient.kind == "ADVERTISING_PARTNER"
}

_partner := object.remove(input.recipient, ["kind"])

_nothing := {"denials": set(), "bans": set(), "obligations": set(), "recipients": set()}

# METADATA
# title: How we share, with your consent
# description: Any other recipient whose id a consent for this purpose names.
recipients contains input.recipient.kind if {
	input.purpose == "affiliate_sharing"
	input.recipient.kind != "ADVERTISING_PARTNER"
	count(consent.named_faults) == 0
}

# METADATA
# title: livex
# description: |
#   LiveX AI Inc., USA. The table beside this file holds what the privacy policy says purpose by purpose; here is what no table
#   can say.
# schemas:
#   - input: schema.input
package consentd.controllers.livex

import data.consentd.lib.appi
import data.consentd.lib.compose

# METADATA
# title: The decision
# entrypoint: true
decision := compose.decision({
	"denials": denials,
	"bans": set(),
	"obligations": set(),
	"recipients": recipients,
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
#   Advertising partners get data only where interest-based advertising would be allowed too, on what was consented to or
#   withdrawn for this partner. The advertising itself transfers nothing, so neither its kind nor its country counts there.
recipients contains "ADVERTISING_PARTNER" if {
	input.purpose == "affiliate_sharing"
	input.recipient.kind == "ADVERTISING_PARTNER"
	_advertising_allowed
}

_advertising_allowed if {
	not _uninstructed("interest_based_advertising")
	partner := {"id": input.recipient.id}
	found := compose.all_denials(_nothing) with input.purpose as "interest_based_advertising" with input.recipient as partner
	count(found) == 0
}

_nothing := {"denials": set(), "bans": set(), "obligations": set(), "recipients": set()}

# METADATA
# title: How we share, with your consent
# description: Any other recipient whose id a consent for this purpose names.
recipients contains input.recipient.kind if {
	input.purpose == "affiliate_sharing"
	input.recipient.kind != "ADVERTISING_PARTNER"
	count(appi.named_faults) == 0
}

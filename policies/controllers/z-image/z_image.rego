# METADATA
# title: z-image
# description: |
#   z-image.ai. The table beside this file holds what the privacy policy says purpose by purpose; here is what no table can
#   say.
# schemas:
#   - input: schema.input
package consentd.controllers["z-image"]

import data.consentd.lib.compose
import data.consentd.lib.request

# METADATA
# title: The decision
# entrypoint: true
decision := compose.decision({
	"denials": set(),
	"bans": bans,
	"obligations": set(),
	"recipients": set(),
})

# METADATA
# title: §2
# description: Prompts and images go to nobody but processors, and to authorities where the law is the purpose.
bans contains [["user.content"], "DATA_CATEGORY_NOT_PERMITTED", "§2"] if {
	not request.recipient_kind in {"", "PROCESSOR"}
	not _authority_by_law
}

_authority_by_law if {
	request.recipient_kind == "AUTHORITY"
	input.purpose in {"legal_compliance", "legal_claims"}
}

# METADATA
# title: §1.3
# description: The IP address is used for security and where the law asks for it.
bans contains [["user.device.ip_address"], "DATA_CATEGORY_NOT_PERMITTED", "§1.3"] if {
	not input.purpose in {"fraud_prevention", "legal_compliance", "legal_claims"}
}

# METADATA
# title: somesing
# description: |
#   SOMESING by Imel Ventures. The table beside this file holds what the privacy policy says purpose by purpose; here is what
#   no table can say.
# schemas:
#   - input: schema.input
package consentd.controllers.somesing

import data.consentd.lib.compose
import data.consentd.lib.consent
import data.consentd.lib.request

# METADATA
# title: The decision
# entrypoint: true
decision := compose.decision({
	"denials": denials,
	"bans": set(),
	"obligations": set(),
	"recipients": set(),
})

# METADATA
# title: §5
# description: Who refused or withdrew performance cookies gives no feedback to affiliates.
denials contains [7, consent.denial_code(cookies), "§5"] if {
	input.purpose == "affiliate_sharing"
	cookies := consent.record("performance_cookies")
	consent.denied(cookies)
}

# METADATA
# title: §4
# description: A disclosure is for a declared purpose, and not for the sake of sharing.
denials contains [8, "PURPOSE_NOT_DECLARED", "§4"] if {
	input.purpose == "third_party_disclosure"
	not _for_declared_purpose
}

_for_declared_purpose if {
	purpose := input.context.for_purpose
	request.controller.purposes[purpose].basis
	not purpose in {"affiliate_sharing", "third_party_disclosure", "sale_of_data"}
}

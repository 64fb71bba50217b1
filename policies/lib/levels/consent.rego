package consentd.lib.levels

import data.consentd.lib.basis
import data.consentd.lib.consent
import data.consentd.lib.request

# METADATA
# title: Level 7
# description: A consent that is the basis in effect must count.
denials contains [7, code, request.row.clause] if {
	basis.consent_based
	some code in consent.faults(consent.current, input.purpose)
}

denials contains [7, "CONSENT_NOT_EXPLICIT", request.row.clause] if {
	basis.in_effect == "EXPLICIT_CONSENT"
	consent.current.status == "GIVEN"
	not consent.current.explicit == true
}

# METADATA
# title: Level 7, recipients that a consent must name
# description: Where the controller's row asks for it, for everyone but a processor.
denials contains [7, code, request.row.clause] if {
	request.row.consent_names_recipient == true
	not request.recipient_kind in {"", "PROCESSOR"}
	some code in consent.named_faults
}

# METADATA
# title: Level 7, GDPR-7-SWAP
# description: After a refusal, withdrawal or invalidation the purpose does not fall back to another basis.
# custom:
#   article: GDPR Art. 7(3)
denials contains [7, consent.denial_code(consent.current), "GDPR-7-SWAP"] if {
	consent.denied(consent.current)
	not basis.unconditional
	not basis.consent_based
	not request.compelling
}

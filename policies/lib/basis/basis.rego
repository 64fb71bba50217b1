# METADATA
# title: The legal basis
# description: |
#   The basis that the table declares, on which the exceptions of all levels depend, and the basis in effect, which must hold
#   and which the answer names.
# schemas:
#   - input: schema.input
package consentd.lib.basis

import data.consentd.lib.ccpa
import data.consentd.lib.consent
import data.consentd.lib.eprivacy
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# description: The basis that the controller's table declares.
declared := request.row.basis

# METADATA
# description: The basis in effect for this subject, recipient and request; undefined where the purpose is prohibited.
in_effect := basis if {
	request.recipient_kind == "PROCESSOR"
	basis := request.row.basis_for_processor
} else := "NOTIFIED_PURPOSE" if {
	ccpa.replaces_consent
} else := "LEGITIMATE_INTERESTS" if {
	eprivacy.soft_opt_in
} else := "ANONYMIZED_INFORMATION" if {
	_anonymized_information
} else := basis if {
	not place.europe
	basis := request.row.basis_elsewhere
} else := basis if {
	not place.europe
	basis := request.controller.bases_elsewhere[declared]
} else := declared

# Anonymously processed information with published items (APPI Art. 43), where the row allows it and no consent was ever
# recorded: a refusal or withdrawal ends that too.
_anonymized_information if {
	request.row.anonymized_information == true
	not consent.recorded
	request.flag("anonymized")
	request.flag("items_published")
}

# METADATA
# description: The basis in effect is a consent.
consent_based if in_effect in {"CONSENT", "EXPLICIT_CONSENT"}

# METADATA
# description: The declared basis is the contract, a legal obligation or vital interests, which ask no one's leave.
unconditional if declared in {"CONTRACT", "LEGAL_OBLIGATION", "VITAL_INTERESTS"}

# METADATA
# description: |
#   The purpose may use special categories without consent: LEGAL_OBLIGATION, VITAL_INTERESTS, legal_claims
#   (GDPR Art. 9(2)(c), (f)).
special_categories_excepted if declared in {"LEGAL_OBLIGATION", "VITAL_INTERESTS"}

special_categories_excepted if input.purpose == "legal_claims"

# METADATA
# description: |
#   The consents that can cover special categories: that to the purpose and that to the one which the controller names as
#   covering it; each with its purpose.
covering_consents contains [consent.current, input.purpose]

covering_consents contains [consent.record(purpose), purpose] if purpose := request.row.covered_by

# METADATA
# title: Ages
# description: |
#   From which age the controller accepts a subject, and who was old enough to give a consent. A consent that the subject gave
#   too young stays void however old the subject has become.
# schemas:
#   - input: schema.input
package consentd.lib.age

import data.consentd.lib.clock
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# title: GDPR-8, the age of digital consent
# description: That of the subject's country; 16 where the table has none, as where the place is unknown (Art. 8(1)).
# custom:
#   article: GDPR Art. 8(1)
of_consent := clock.in_force(data.lib.gdpr.consent_ages[place.country]).age

of_consent := 16 if not data.lib.gdpr.consent_ages[place.country]

# METADATA
# title: Level 4
# description: The controller's own age here; undefined where it has none.
minimum := max([request.controller.age.minimum, of_consent]) if {
	request.controller.age.local == true
	place.europe
} else := request.controller.age.minimum

# METADATA
# title: Level 4, the exceptions
# description: Nobody is too young for the purpose.
excepted(purpose) if request.controller.purposes[purpose].basis == "LEGAL_OBLIGATION"

excepted(purpose) if purpose in {"legal_claims", "fraud_prevention", "age_verification"}

# METADATA
# title: GDPR-8, CONSENT_BY_MINOR
# description: |
#   The consent to the purpose was given by the subject below the age that the law of the place where the subject lives now
#   asks (Art. 8(1)), or below the controller's own. A parent's consent never was.
# custom:
#   article: GDPR Art. 8(1)
given_too_young(record, purpose) if {
	record.age_max < _oldest_asked
	not record.given_by == "PARENT"
	not excepted(purpose)
}

_oldest_asked := max(_asked)

_asked contains of_consent if place.gdpr

_asked contains minimum

# METADATA
# title: CCPA-120-MINOR, CONSENT_BY_MINOR
# description: |
#   In California the consent to sale or sharing was given by the subject below 13 (1798.120(c)). A parent's consent never was.
# custom:
#   article: CCPA 1798.120(c)
given_below_13(record, purpose) if {
	record.age_max < 13
	not record.given_by == "PARENT"
	purpose == input.purpose
	place.ccpa
	request.sale_or_sharing
}

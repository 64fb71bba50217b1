# METADATA
# title: APPI
# description: |
#   The pack for Japan. A declared purpose passes on its basis (APPI-18); an objection denies at level 6 (APPI-35).
# related_resources:
#   - ref: https://www.japaneselawtranslation.go.jp/en/laws/view/4241
#     description: Act on the Protection of Personal Information (Act No. 57 of 2003)
# schemas:
#   - input: schema.input
package consentd.lib.appi

import data.consentd.lib.basis
import data.consentd.lib.consent
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# title: JPMAIL-3
# description: |
#   A marketing message needs a given consent, unless the pack accepts the controller's own rule (Act on Regulation of
#   Transmission of Specified Electronic Mail, Art. 3).
# custom:
#   article: Act on Specified Electronic Mail Art. 3
denials contains [7, code, "JPMAIL-3"] if {
	place.appi
	request.marketing
	not request.accepts_controller_policy("jpmail")
	some code in consent.faults(consent.current, input.purpose)
}

# METADATA
# title: APPI-27
# description: Provision to a third party needs a given consent that names it (Art. 27(1)); entrustment does not (Art. 27(5)).
# custom:
#   article: APPI Art. 27(1), (5)
denials contains [7, code, "APPI-27"] if {
	place.appi
	request.sharing
	not request.recipient_kind in {"", "PROCESSOR"}
	not _third_party_excepted
	some code in consent.named_faults
}

# METADATA
# title: APPI-28
# description: |
#   A recipient of any kind abroad needs a given consent that names its country (Art. 28(1)), but in countries recognised as
#   equivalent, or under equivalent measures (Art. 28(3)).
# custom:
#   article: APPI Art. 28(1), (3)
denials contains [8, "TRANSFER_NOT_CONSENTED", "APPI-28"] if {
	place.appi
	_abroad
	not _transfer_excepted
	not _country_consented
}

_third_party_excepted if request.flag("anonymized")

_third_party_excepted if request.accepts_controller_policy("appi_third_party")

_abroad if {
	not _recipients_country in {"", "JP", "GB"}
	not place.in_eea(request.recipient_country)
}

_recipients_country := place.country_of(request.recipient_country)

_transfer_excepted if _third_party_excepted

_transfer_excepted if request.flag("equivalent_measures")

_transfer_excepted if basis.declared == "LEGAL_OBLIGATION"

_transfer_excepted if input.purpose == "legal_claims"

_country_consented if {
	consent.holds(consent.current, input.purpose)
	some country in consent.current.countries
	place.country_of(country) == _recipients_country
}

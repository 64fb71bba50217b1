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
import data.consentd.lib.categories
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
	some code in named_faults
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

# METADATA
# description: Why no consent that names the recipient of the request counts; empty where one does.
named_faults := consent.faults(consent.named, input.purpose)

named_faults := {"CONSENT_MISSING"} if not consent.named

_third_party_excepted if request.flag("anonymized")

_third_party_excepted if request.accepts_controller_policy("appi_third_party")

_abroad if {
	not request.recipient_country in {"", "JP", "GB"}
	not data.lib.place.eea[request.recipient_country]
}

_transfer_excepted if _third_party_excepted

_transfer_excepted if request.flag("equivalent_measures")

_transfer_excepted if basis.declared == "LEGAL_OBLIGATION"

_transfer_excepted if input.purpose == "legal_claims"

_country_consented if {
	consent.valid(consent.current, input.purpose)
	request.recipient_country in consent.current.countries
}

# METADATA
# title: APPI-20-2
# description: |
#   Special-care-required information needs a given consent, to this purpose or to the one that covers it; an ordinary one is
#   enough (Art. 20(2)).
# custom:
#   article: APPI Art. 20(2)
bans contains [categories.special, "SENSITIVE_DATA_NOT_PERMITTED", "APPI-20-2"] if {
	place.appi
	not basis.special_categories_excepted
	not _covered
}

_covered if {
	some [record, purpose] in basis.covering_consents
	consent.valid(record, purpose)
}

# METADATA
# title: APPI-31
# description: |
#   Identifiers that the recipient can link to a person need the recipient's confirmation that the person consented
#   (Art. 31(1)).
# custom:
#   article: APPI Art. 31(1)
obligations contains {"code": "CONFIRM_RECIPIENT_CONSENT", "parameters": {}} if {
	place.appi
	request.flag("links_identifiers")
	some category in input.data_categories
	some linkable in ["user.device", "user.behavior"]
	categories.overlap(category, linkable)
}

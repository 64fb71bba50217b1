# METADATA
# title: The request
# description: What is asked, and what the controller's table says of it. Absent fields have total defaults here.
# schemas:
#   - input: schema.input
package consentd.lib.request

# METADATA
# description: The controller's own table, `policies/controllers/<id>/data.yaml`.
controller := data.controllers[input.controller]

# METADATA
# description: The row of the purpose; undefined where the controller declares no such purpose.
row := controller.purposes[input.purpose]

# METADATA
# description: The controller forbids the declared purpose outright; so does a row without a basis.
prohibited if row.prohibited == true

prohibited if not row.basis

# METADATA
# description: A flag of the context. It counts only as JSON true.
flag(name) if input.context[name] == true

default recipient_kind := ""

# METADATA
# description: The kind of the recipient; empty where the data stay with the controller.
recipient_kind := input.recipient.kind

default recipient_country := ""

# METADATA
# description: The country of the recipient; empty where it is domestic.
recipient_country := input.recipient.country

# METADATA
# description: The point of the purpose is to give data to a recipient.
sharing if input.purpose in {"affiliate_sharing", "third_party_disclosure", "sale_of_data"}

# METADATA
# title: CCPA-120
# description: |
#   The purpose counts as sale or sharing (1798.140(ad), (ah)): a sharing purpose, or one whose row says so, to any recipient
#   but a processor, an authority or a company of the group.
# custom:
#   article: CCPA 1798.140(ad), (ah)
sale_or_sharing if {
	_gives_data
	not recipient_kind in {"PROCESSOR", "AUTHORITY", "CORPORATE_AFFILIATE"}
}

_gives_data if sharing

_gives_data if row.counts_as_sharing == true

# METADATA
# description: The purpose is a direct-marketing message.
marketing if input.purpose in {"marketing_email", "marketing_sms", "survey_email", "event_information"}

# METADATA
# description: The pack accepts the controller's published rule in place of its own (a setting of the controller or the row).
accepts_controller_policy(setting) if row.settings[setting] == "controller_policy"

accepts_controller_policy(setting) if controller.settings[setting] == "controller_policy"

# METADATA
# description: The grounds on which the purpose goes on against an objection are compelling everywhere (GDPR Art. 21(1)).
compelling if input.purpose in {"fraud_prevention", "legal_claims"}

# METADATA
# title: Direct-marketing messages
# description: What Directive 2002/58/EC asks of them where the GDPR pack applies.
# related_resources:
#   - ref: https://eur-lex.europa.eu/eli/dir/2002/58/oj
#     description: Directive 2002/58/EC, Art. 13
# schemas:
#   - input: schema.input
package consentd.lib.eprivacy

import data.consentd.lib.marks
import data.consentd.lib.place
import data.consentd.lib.request

# METADATA
# title: EPRIV-13
# description: |
#   A marketing message needs a given consent, whatever the declared basis, unless the pack accepts the controller's own
#   rule or the soft opt-in holds (Art. 13(1)).
# custom:
#   article: Directive 2002/58/EC Art. 13(1)
needs_consent if {
	place.gdpr
	request.marketing
	not request.accepts_controller_policy("eprivacy")
	not soft_opt_in
}

# METADATA
# title: EPRIV-13, soft opt-in
# description: |
#   The controller sold to the subject, offered an opt-out, and advertises its own similar product; no consent, of whatever
#   status, and no objection was ever recorded for the purpose (Art. 13(2)). Only where the controller's row allows it.
# custom:
#   article: Directive 2002/58/EC Art. 13(2)
soft_opt_in if {
	place.gdpr
	request.row.soft_opt_in == true
	request.flag("own_similar_product")
	relationship := input.subject.relationship
	relationship.last_sale_at
	relationship.selling_entity == input.controller
	relationship.opt_out_offered == true
	not input.subject.consents[input.purpose]
	not marks.objection_recorded
}

# METADATA
# title: jsers
# description: |
#   Jsers, llc., Japan. The table beside this file holds what the privacy policy says purpose by purpose; here is what no table
#   can say.
# schemas:
#   - input: schema.input
package consentd.controllers.jsers

import data.consentd.lib.basis
import data.consentd.lib.compose
import data.consentd.lib.marks
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
# description: |
#   An objection to all purposes is the request to stop using the data: it denies whatever was consented to, or lifted for
#   single purposes, until an objection event for all lifts it. Fraud prevention (i) and what the law asks go on.
denials contains [6, "OBJECTED", "§5"] if {
	marks.objected_to_all_at
	not request.compelling
	basis.declared != "LEGAL_OBLIGATION"
}
